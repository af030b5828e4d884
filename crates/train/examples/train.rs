//! Runs a training configuration: `train CONFIG.toml`. With the feature `libtorch` on libtorch, else on Burn's flex.

use std::ops::ControlFlow;
use std::path::PathBuf;

#[cfg(feature = "libtorch")]
type Inner = burn::backend::LibTorch;
#[cfg(not(feature = "libtorch"))]
type Inner = burn::backend::Flex;
type Trained = burn::backend::Autodiff<Inner>;

#[expect(clippy::print_stdout, reason = "this is the program's output")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).map(PathBuf::from).ok_or("usage: train CONFIG.toml")?;
    let config = train::Config::read(&path)?;
    let mut show = |event: &train::Event| {
        println!("{}", serde_json::to_string(event).unwrap_or_default());
        ControlFlow::Continue(())
    };
    let outcome = train::run::<Trained>(&config, &Default::default(), &mut show)?;
    if let Some(outcome) = outcome {
        println!("{:?} {:?}", outcome.position, outcome.measures);
    }
    Ok(())
}
