//! dump
#![expect(clippy::print_stdout, reason = "the table is what the tool is for")]
mod clips;
use std::error::Error;
use std::path::Path;
use rand::Rng;
use stage::{Assets, Split, seed_of};
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (assets, _) = Assets::load(Path::new(&arguments[0]))?;
    let split = if arguments[2] == "train" { Split::Train } else { Split::Val };
    let count: u64 = arguments[1].parse()?;
    let from: u64 = arguments.get(3).map_or(Ok(0), |from| from.parse())?;
    for index in from..from + count {
        let seed = seed_of("object-choice", index);
        let Some(clip) = clips::staged(seed, split, 2, &assets)? else { continue };
        let mut random = clips::random(seed);
        let (persons, poses) = clip.imitated(&mut random);
        for turn in 0..3 {
            let click = clip.click(&mut random);
            let place = (click.place.0 as f32 + 0.5, click.place.1 as f32 + 0.5);
            let frame = click.frame;
            let kind = random.random_range(0..4);
            let (person, pose) = match kind { 0 => (clip.persons[frame].clone(), Some(&clip.poses[frame])), 1 => (clip.persons[frame].map(|_| 0), None), _ => (persons[frame].clone(), Some(&poses[frame])) };
            for proposal in perception::objects::proposals(&clip.frames[frame], &person, pose, place) {
                let overlap = perception::agreement::overlap(&proposal.mask(), &clip.objects[frame]).map_or(0.0, |found| found.iou);
                let figures: Vec<String> = proposal.figures.iter().map(|figure| format!("{figure:.4}")).collect();
                println!("{},{kind},{},{overlap:.4},{}", index * 3 + turn, clip.usage, figures.join(","));
            }
        }
    }
    Ok(())
}
