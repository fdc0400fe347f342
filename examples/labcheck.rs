use std::path::{Path, PathBuf};
use truewheel::{format, load::*, platform};
struct Sys;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let prefix = Path::new(&args[1]);
    let sysroot = args.get(2).map(String::as_str).unwrap_or("");
    let want = args.get(3).cloned().unwrap_or_default();
    let mut binaries = Vec::new();
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(prefix)
        .into_iter()
        .flatten()
        .filter(|e| e.file_type().is_file())
        .map(|e| e.into_path())
        .collect();
    files.sort();
    let t = std::time::Instant::now();
    let mut bad = 0;
    for f in files {
        let file = std::fs::File::open(&f).unwrap();
        if file.metadata().unwrap().len() < 64 {
            continue;
        }
        let bytes = std::fs::read(&f).unwrap();
        if format::detect(&bytes).is_none() {
            continue;
        }
        let rel = f.strip_prefix(prefix).unwrap().to_str().unwrap().to_owned();
        match format::inspect(&bytes) {
            Ok(mut i) => {
                let image = i.remove(0);
                let symbols = format::symbols(&bytes, &image).unwrap_or_default();
                binaries.push(Binary::new(rel.clone(), rel, image, symbols));
            }
            Err(e) => {
                eprintln!("UNREADABLE {rel}: {e}");
                bad += 1;
            }
        }
    }
    let parse = t.elapsed();
    let d = platform::detect(
        binaries.iter().map(|b| (b.member.as_str(), &*b.image)),
        &want.split('.').filter(|s| !s.is_empty()).map(|t| t.parse().unwrap()).collect::<Vec<_>>(),
    );
    let Some(arch) = d.arch else {
        println!("{{\"none\":true}}");
        return;
    };
    let mut u = Universe::new(&binaries);
    if sysroot == "host" {
        u = u.with_source(System::host(vec![]));
    } else if !sysroot.is_empty() {
        u = u.with_source(System::sysroot(Sysroot::new(sysroot).unwrap()));
    }
    let t = std::time::Instant::now();
    let g = resolve(&u, Target { platform: d.platform(), arch }, &NothingOutside).unwrap();
    let res = t.elapsed();
    let disk = |id: &ObjectId| match &g.object(*id).origin {
        Origin::External(p) => p.display().to_string(),
        _ => prefix.join(&g.object(*id).location).display().to_string(),
    };
    let mut roots = vec![];
    for r in g.all_roots() {
        let mut missing: Vec<String> =
            r.edges.iter().filter(|e| e.resolution == Resolution::Missing).map(|e| g.import(e).name.clone()).collect();
        missing.sort();
        missing.dedup();
        let elsewhere: Vec<String> = r
            .edges
            .iter()
            .filter_map(|e| e.elsewhere.map(|x| format!("{} -> {}", g.import(e).name, g.object(x).location)))
            .collect();
        roots.push(serde_json::json!({"root": disk(&r.object), "kind": format!("{:?}", r.kind), "scope": r.scope[1..].iter().map(disk).collect::<Vec<_>>(), "missing": missing, "elsewhere": elsewhere, "edges": r.edges.len()}));
    }
    println!(
        "{}",
        serde_json::json!({"platform": d.platform().name(), "arch": arch.linux_name(), "needed": format!("{:?}", d.needed()), "binaries": binaries.len(), "bad": bad, "foreign": g.foreign.len(), "parse_ms": parse.as_millis() as u64, "resolve_ms": res.as_micros() as f64/1000.0, "roots": roots, "libs": g.libraries().iter().map(|l| format!("{} {} {:?}", l.name, l.origin.name(), l.path)).collect::<Vec<_>>()})
    );
    let _ = Sys;
}
