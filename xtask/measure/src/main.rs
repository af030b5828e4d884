//! Measures parts of the program against known truth, or against the clock: `cargo run --release -p measure -- NAME
//! ARGUMENTS`. The figures stand in `docs`.
#![expect(clippy::print_stderr, reason = "a program for the terminal")]

mod agreement;
mod cut_out_overlap;
mod first_weights;
mod foot_slide;
mod gradients;
mod object_tracks;
mod objects;
mod plate;
mod stage_truth;
mod training_step;

use std::error::Error;
use std::process::ExitCode;

const USAGE: &str = "\
usage: measure NAME ARGUMENTS

against known truth
  agreement CLIPS MODELS [OPTIONS]         points and masks of perception, on labelled clips
  stage-truth ASSETS MODELS OUT [CLIPS] [FRAMES]
                                           joints, masks and regions of perception, on rendered clips
  object-tracks stage|real|describe ...    a prop that is followed from one click
  objects ASSETS [CLIPS] [SPLIT] [OUT]     objects in use that are found without a click
  cut-out-overlap CACHE ASSETS CLIPS       cut-out characters
  plate OUT [PARTS] [NAMES]                clean plates, beside other methods
  foot-slide ASSETS [CLIPS] [SPLIT]        feet of retargeted walkers
  first-weights ASSETS OUT [WEIGHTS] ...   colour, pose and environment of a set of weights
against the clock
  training-step [frames|clips] [BATCH] [FRAMES] [STEPS] [THREADS]
                                           a training step of the bundled preset
  gradients                                each operation, forward and backward";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let result: Result<(), Box<dyn Error>> = match name.as_str() {
        "agreement" => agreement::run(rest),
        "cut-out-overlap" => cut_out_overlap::run(rest),
        "first-weights" => first_weights::run(rest).map_err(Into::into),
        "foot-slide" => foot_slide::run(rest),
        "gradients" => {
            gradients::run();
            Ok(())
        }
        "object-tracks" => object_tracks::run(rest),
        "objects" => objects::run(rest),
        "plate" => plate::run(rest),
        "stage-truth" => stage_truth::run(rest).map_err(Into::into),
        "training-step" => training_step::run(rest),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}
