//! Splits trained weights into F16 files for a repository. Usage: `export WEIGHTS NAME FOLDER`.

use std::path::Path;

#[expect(clippy::print_stdout, reason = "this is the program's output")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, name, folder] = arguments.as_slice() else { return Err("usage: export WEIGHTS NAME FOLDER".into()) };
    let manifest = stuntdouble_train::export::export(Path::new(weights), name, Path::new(folder), 15 << 20)?;
    println!("{}", serde_json::to_string_pretty(&manifest)?);
    Ok(())
}
