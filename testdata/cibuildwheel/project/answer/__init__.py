from answer._answer import answer as answer
