//! Measures how far the feet of a retargeted walker slide and how deep they sink, on rendered clips whose floor
//! position is known exactly.
//!
//! `cargo run --release -p measure -- foot-slide ASSETS [CLIPS] [train|val|test]`
//!
//! A foot is in contact while its point (ankle or toe) is slow and near its lowest ground-truth height. The program
//! reports:
//!
//! - slide: displacement of the point per frame on the screen, relative to the driver's point, during contact, in cm;
//! - drift: the largest displacement of the point since the start of a contact, relative to the driver's point, in cm;
//! - stretch: difference between the length of a thigh or shin and the length that its scale factor gives, in %, over
//!   all frames;
//! - hips: how much the path of the hips, relative to the driver's hips, bends from frame to frame on the screen, in
//!   cm;
//! - sole: height of the lower of toe and heel above the same point of the driver, in cm in space; negative values are
//!   below the ground.

mod measured;
mod walk;

use std::error::Error;
use std::path::Path;

use draft::body::retarget::{Factors, retarget};
use stage::{Assets, Split, seed_of};

use crate::foot_slide::measured::{Measured, scaled};
use crate::foot_slide::walk::{FRAMES, SIZE, Walk, walk};

/// The measurements of the walks that `taken` accepts.
fn measured(walks: &[Walk], proportions: f32, pinned: bool, taken: impl Fn(&Walk) -> bool) -> Measured {
    let mut measured = Measured::default();
    for walk in walks.iter().filter(|walk| taken(walk)) {
        if pinned {
            let size = walk.size.powf(proportions);
            let factors = Factors::between(&walk.puppet, &walk.poses, SIZE, proportions, size);
            let poses = retarget(&walk.poses, &factors, &[[false; 2]; FRAMES], SIZE);
            measured.add(walk, &poses, &factors);
        } else {
            let factor = walk.size.powf(proportions);
            let poses: Vec<_> = walk.poses.iter().map(|pose| pose.as_ref().map(|pose| scaled(pose, factor))).collect();
            measured.add(walk, &poses, &Factors { thigh: factor, shin: factor, ..Factors::NONE });
        }
    }
    measured
}

#[expect(clippy::print_stdout, reason = "the table is what the tool is for")]
pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let folder = arguments.first().ok_or("usage: measure foot-slide ASSETS [CLIPS] [train|val|test]")?;
    let count = arguments.get(1).map_or(Ok(50), |count| count.parse())?;
    let split = match arguments.get(2).map(String::as_str) {
        None | Some("test") => Split::Test,
        Some("val") => Split::Val,
        Some("train") => Split::Train,
        Some(other) => return Err(format!("`{other}` is no split; use `train`, `val` or `test`").into()),
    };
    let (assets, _) = Assets::load(Path::new(folder))?;
    let mut walks = Vec::new();
    let mut index = 0;
    while walks.len() < count {
        let share = (walks.len() as f32 + 0.5) * 0.618_034;
        walks.extend(walk(seed_of("foot slide", index), share.fract(), split, &assets)?);
        index += 1;
    }
    let mut motions: Vec<&str> = walks.iter().map(|walk| walk.motion.as_str()).collect();
    motions.sort_unstable();
    motions.dedup();
    println!("{count} walks of {index} clips, {} motions: {}\n", motions.len(), motions.join(", "));
    println!(
        "| poses | ankle slide, mean / P95 | toe slide | drift | sole, mean | lowest | highest | stretch | hips |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    println!("{}", measured(&walks, 0.0, true, |_| true).row("proportions 0 (the driver)"));
    for proportions in [0.5, 1.0] {
        for (name, pinned) in [("scaled about the hips", false), ("retargeted", true)] {
            let row =
                measured(&walks, proportions, pinned, |_| true).row(&format!("proportions {proportions}, {name}"));
            println!("{row}");
        }
    }
    for (low, high) in [(1.3, 1.6), (1.6, 1.8), (1.8, 2.1)] {
        let row = measured(&walks, 1.0, true, |walk| (low..high).contains(&walk.height));
        println!("{}", row.row(&format!("proportions 1, retargeted, {low} to {high} m")));
    }
    Ok(())
}
