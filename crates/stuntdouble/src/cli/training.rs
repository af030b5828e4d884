//! Implements the commands `train CONFIG.toml`, `train plot RUN` and `train data`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::backend::Autodiff;
use clap::{Args, Subcommand};
use fetch::Store;
use stuntdouble::Error;
use stuntdouble::events::{Event, Events};
use stuntdouble::pipeline::Tools;

use super::training_data::{self, Data};

#[cfg(feature = "libtorch")]
type Trained = Autodiff<burn::backend::LibTorch>;
#[cfg(not(feature = "libtorch"))]
type Trained = Autodiff<burn::backend::Flex>;

/// Options of `train`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Train {
    #[command(subcommand)]
    command: Option<TrainCommand>,
    /// The training configuration, a TOML file
    #[arg(required = true)]
    config: Option<PathBuf>,
    /// Override a setting of the configuration by its path, for example `feed.batch=2`
    #[arg(long = "set", value_name = "PLACE=VALUE")]
    set: Vec<String>,
    /// Device for training: `cpu`, or `cuda:N` in a build with libtorch
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    device: String,
    /// Total number of steps
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Stop after this time and save a checkpoint: minutes, or a time with a unit such as `90s`, `8m`, `2h`
    #[arg(long, value_name = "TIME", value_parser = minutes)]
    time_limit: Option<f64>,
}

#[derive(Debug, Subcommand)]
enum TrainCommand {
    /// Plot losses, learning rate and held-out metrics of a run over its steps
    Plot {
        /// The folder of the run
        run: PathBuf,
        /// The picture to write [default: `plot.svg` in the folder of the run]
        #[arg(short, long, value_name = "FILE.svg")]
        output: Option<PathBuf>,
    },
    /// Turn videos into training data, or check a set
    #[command(subcommand)]
    Data(Data),
}

/// Parses minutes from `90s`, `8m`, `2h` or `8`.
fn minutes(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches(['s', 'm', 'h']);
    let factor = match &text[number.len()..] {
        "s" => 1.0 / 60.0,
        "" | "m" => 1.0,
        "h" => 60.0,
        _ => return Err("expected a time such as `90s`, `8m` or `2h`".into()),
    };
    let minutes = number.parse::<f64>().map_err(|error| error.to_string())? * factor;
    if minutes.is_finite() && minutes > 0.0 { Ok(minutes) } else { Err("expected a time greater than zero".into()) }
}

/// Trains, draws a run, or prepares data.
pub(super) fn run(options: Train, store: &Store, tools: &Tools, events: &Events) -> Result<(), Error> {
    match (&options.command, &options.config) {
        (Some(TrainCommand::Plot { run, output }), _) => plot(run, output.as_deref(), events),
        (Some(TrainCommand::Data(data)), _) => training_data::run(data, store, tools, events),
        (None, Some(config)) => train(config, &options, events),
        (None, None) => Err(Error::Usage { reason: "no training configuration was given".into() }),
    }
}

fn plot(run: &Path, output: Option<&Path>, events: &Events) -> Result<(), Error> {
    let drawn = train::following::plot(run)?;
    let output = output.map_or_else(|| run.join("plot.svg"), Path::to_path_buf);
    media::file::write_atomic(&output, drawn.as_bytes())?;
    events.send(Event::Done { output: output.display().to_string() });
    Ok(())
}

/// Trains, or resumes from the newest checkpoint. Ctrl-C ends the training with a checkpoint.
fn train(config: &Path, options: &Train, events: &Events) -> Result<(), Error> {
    let mut changes = options.set.clone();
    changes.extend(options.steps.map(|steps| format!("steps={steps}")));
    changes.extend(options.time_limit.map(|minutes| format!("minutes={minutes:?}")));
    let config = train::Config::read_changed(config, &changes)?;
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
        (_, None) => "the training data is ready".into(),
    };
    events.send(Event::Done { output });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn times_have_units() {
        assert_eq!(
            ["90s", "8m", "8", "2h"].map(|text| minutes(text).ok()),
            [Some(1.5), Some(8.0), Some(8.0), Some(120.0)]
        );
        for wrong in ["", "m", "-1m", "0", "8d", "8mm", "infm"] {
            assert!(minutes(wrong).is_err(), "{wrong}");
        }
    }
}
