//! `train CONFIG.toml`.

use std::ops::ControlFlow;

use super::arguments::Train;
use burn::backend::Autodiff;
use stuntdouble::Error;
use stuntdouble::events::{Event, Events};

#[cfg(feature = "libtorch")]
type Trained = Autodiff<burn::backend::LibTorch>;
#[cfg(not(feature = "libtorch"))]
type Trained = Autodiff<burn::backend::Flex>;

/// Trains, or goes on from the newest checkpoint. Ctrl-C ends it with a checkpoint.
pub(super) fn run(options: &Train, events: &Events) -> Result<(), Error> {
    let mut changes = options.set.clone();
    changes.extend(options.steps.map(|steps| format!("steps={steps}")));
    changes.extend(options.time_limit.map(|minutes| format!("minutes={minutes:?}")));
    let config = train::Config::read_changed(&options.config, &changes)?;
    let device = train::device::of_name(&options.device)?;
    let mut show = |event: &train::Event| {
        events.note(serde_json::to_string(event).unwrap_or_default());
        if events.check_cancelled().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let outcome = train::run::<Trained>(&config, &device, &mut show)?;
    events.check_cancelled()?;
    let output = match (&config, outcome) {
        (_, Some(outcome)) => format!("{:?} {:?}", outcome.position, outcome.measures),
        (train::Config::Finishing(config), None) => config.run.join("weights.safetensors").display().to_string(),
        (_, None) => "data prepared".into(),
    };
    events.send(Event::Done { output });
    Ok(())
}
