//! Measures how well a prop is found from one click.
//!
//! ```text
//! stuntdouble stage render -o SET --assets ASSETS --split test --clips 240 --props 1 --frames 24 --no-twin --references 0 --set object-tracks
//! (cd SET && for shard in *.tar; do tar xf $shard; done)
//! cargo run --release -p measure -- object-tracks stage SET [CLIPS] [exact] [SHEETS]
//! cargo run --release -p measure -- object-tracks real CLIPS SHEETS
//! cargo run --release -p measure -- object-tracks describe SET
//! ```
//! - `stage`: makes one click at a random time, at a random point well inside the prop, and prints for each method
//!   (`rows`) the mean overlap over the clip, grouped by how much of the prop is hidden and by how the prop is used.
//!   The signals imitate perceived signals, or are `exact`.
//! - `real`: uses real clips with hand-drawn masks that cover person and object together (`filmed`).
//! - `describe`: prints the regions around clicks with their features and overlaps, from which the weights of
//!   `objects::choice` were fitted.
#![expect(clippy::print_stdout, reason = "tables are what the tool is for")]

mod clips;
mod filmed;
mod rows;
mod staged;

use std::error::Error;
use std::path::Path;

use perception::agreement::overlap;
use perception::objects::ObjectFrame;
use rand::Rng;

pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["stage", set, ref rest @ ..] => {
            let count = rest.iter().find_map(|word| word.parse().ok()).unwrap_or(200);
            let sheets = rest.iter().find(|word| **word != "exact" && word.parse::<usize>().is_err());
            staged::run(Path::new(set), count, rest.contains(&"exact"), sheets.map(Path::new))
        }
        ["real", clips, sheets] => filmed::run(Path::new(clips), Path::new(sheets)),
        ["describe", set] => describe(Path::new(set)),
        _ => {
            Err("usage: measure object-tracks stage SET [CLIPS] [exact] [SHEETS] | real CLIPS SHEETS | describe SET"
                .into())
        }
    }
}

/// Prints, for the regions around three clicks a clip: the click's number, how the person is known, the usage, the overlap with the prop,
/// the figures.
fn describe(set: &Path) -> Result<(), Box<dyn Error>> {
    for (number, key) in clips::keys(set)?.iter().enumerate() {
        let Some(clip) = clips::read(set, key)? else { continue };
        let mut random = clips::random(key);
        let (persons, poses) = clip.imitated(&mut random);
        for turn in 0..3 {
            let click = clip.click(&mut random);
            let place = (click.place.0 as f32 + 0.5, click.place.1 as f32 + 0.5);
            let frame = click.frame;
            let kind = random.random_range(0..4);
            let (person, pose) = match kind {
                0 => (clip.persons[frame].clone(), Some(&clip.poses[frame])),
                1 => (clip.persons[frame].map(|_| 0), None),
                _ => (persons[frame].clone(), Some(&poses[frame])),
            };
            let view = ObjectFrame::new(&clip.frames[frame], &person, pose, person.size());
            for proposal in view.proposals(place) {
                let alike = overlap(&proposal.mask(), &clip.objects[frame]).map_or(0.0, |found| found.iou);
                let figures: Vec<String> = proposal.figures.iter().map(|figure| format!("{figure:.4}")).collect();
                println!("{},{kind},{},{alike:.4},{}", 3 * number + turn, clip.usage, figures.join(","));
            }
        }
    }
    Ok(())
}
