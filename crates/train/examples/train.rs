//! Runs a training configuration. Usage: `train CONFIG.toml [--device cpu|cuda:N] [--set KEY.KEY=VALUE]...`. With the
//! feature `libtorch`, training runs on libtorch, otherwise on Burn's Flex backend, which supports only the CPU.

use std::ops::ControlFlow;
use std::path::PathBuf;

#[cfg(feature = "libtorch")]
type Inner = burn::backend::LibTorch;
#[cfg(not(feature = "libtorch"))]
type Inner = burn::backend::Flex;
type Trained = burn::backend::Autodiff<Inner>;

const USAGE: &str = "usage: train CONFIG.toml [--device cpu|cuda:N] [--set KEY.KEY=VALUE]...";

#[expect(clippy::print_stdout, reason = "this is the program's output")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().map(PathBuf::from).ok_or(USAGE)?;
    let (mut device, mut changes) = ("cpu".to_owned(), vec![]);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match option.as_str() {
            "--device" => device = value,
            "--set" => changes.push(value),
            _ => return Err(USAGE.into()),
        }
    }
    let config = stuntdouble_train::Config::read_changed(&path, &changes)?;
    let mut show = |event: &stuntdouble_train::Event| {
        println!("{}", serde_json::to_string(event).unwrap_or_default());
        ControlFlow::Continue(())
    };
    let outcome = stuntdouble_train::run::<Trained>(&config, &stuntdouble_train::device::of_name(&device)?, &mut show)?;
    if let Some(outcome) = outcome {
        println!("{:?} {:?}", outcome.position, outcome.measures);
    }
    Ok(())
}
