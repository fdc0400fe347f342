//! t.
use truewheel::origin::*;
fn main() {
    let root = truewheel::load::Sysroot::new(std::env::args().nth(1).unwrap()).unwrap();
    let a: Vec<String> = std::env::args().skip(2).collect();
    let asked: Vec<&str> = a.iter().map(|s| &**s).collect();
    for _ in 0..2 {
        let t = std::time::Instant::now();
        let found = lookup_all(&root, &asked);
        println!("{:?} notes {:?}", t.elapsed(), found.notes);
        for (p, f) in asked.iter().zip(&found.packages) {
            println!("  {p}: {:?} {:?}", f.as_ref().map(|f| f.purl()), f.as_ref().map(|f| f.licence.clone()));
        }
    }
}
