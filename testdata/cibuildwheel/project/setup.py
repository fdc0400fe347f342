from setuptools import Extension, setup

setup(ext_modules=[Extension("answer._answer", ["src/_answer.c"], libraries=["answer"], py_limited_api=True)],
      options={"bdist_wheel": {"py_limited_api": "cp38"}})
