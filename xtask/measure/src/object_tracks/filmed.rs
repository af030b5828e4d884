//! Reads real clips with hand-drawn masks that cover the person together with the object in use.

use std::error::Error;
use std::path::Path;

use media::image_file::{load_mask, load_picture, save_picture};
use media::picture::{Mask, Picture};
use media::sheet::Sheet;
use perception::agreement::{Mean, overlap};

use crate::object_tracks::clips::{Click, area, place_in, random};
use crate::object_tracks::rows::{Row, Seen};
use crate::object_tracks::staged::marked;

const CLIPS: [&str; 5] = ["tennis", "horsejump-high", "kite-surf", "soapbox", "motocross-jump"];
/// Fewest pixels of an object that can be clicked at.
const LEAST: usize = 150;

/// In one frame, a click in what the truth covers and the person's label does not, and the box of all that the truth covers; prints the
/// overlap with the truth of the person's label alone, and of label and found object together.
pub(crate) fn run(folder: &Path, sheets: &Path) -> Result<(), Box<dyn Error>> {
    println!("| clip | frames | frame of the prompt | person's label alone | with one click | with the true box |");
    println!("|---|---:|---:|---:|---:|---:|");
    for name in CLIPS {
        let clip = folder.join(name);
        let count = std::fs::read_dir(clip.join("frames"))?.count();
        let mask = |kind: &str, index: usize| load_mask(&clip.join(format!("{kind}/{index:05}.png")), None);
        let frames: Vec<Picture> = (0..count)
            .map(|index| load_picture(&clip.join(format!("frames/{index:05}.jpg"))))
            .collect::<Result<_, _>>()?;
        let persons: Vec<Mask> = (0..count).map(|index| mask("person_mask", index)).collect::<Result<_, _>>()?;
        let truths: Vec<Mask> = (0..count).map(|index| mask("gt_mask", index)).collect::<Result<_, _>>()?;
        let objects: Vec<Mask> = (0..count).map(|index| mask("object_mask", index)).collect::<Result<_, _>>()?;
        let mut random = random(name);
        // The first frame in the middle third that shows the object.
        let shown = (count / 3..count).find(|&index| area(&objects[index]) >= LEAST);
        let Some(frame) = shown else { continue };
        let click = Click { frame, place: place_in(&objects[frame], &mut random) };
        let seen = Seen { frames: &frames, persons: &persons, poses: vec![None; count], objects: &objects };
        let found = seen.masks(Row::Ours, click);
        let boxed = Seen { objects: &truths, ..seen }.masks(Row::FromBox, click);
        let mut means = [Mean::default(); 3];
        let mut sheet = Sheet::new(4, 512, 288).titled(name);
        for index in 0..count {
            let clicked = union(&persons[index], &found[index].0);
            let with_box = union(&persons[index], &boxed[index].0);
            for (mean, found) in means.iter_mut().zip([&persons[index], &clicked, &with_box]) {
                overlap(found, &truths[index]).into_iter().for_each(|overlap| mean.add(overlap.iou));
            }
            if index % count.div_ceil(8) == 0 || index == frame {
                let label = if index == frame { "clicked" } else { "frame" };
                sheet
                    .push(&marked(&frames[index], &objects[index], &found[index].0), format!("{label} {index}: click"));
                sheet.push(&marked(&frames[index], &truths[index], &boxed[index].0), format!("{label} {index}: box"));
            }
        }
        let [person, click, boxed] = means.map(|mean| mean.value().unwrap_or_default());
        println!("| {name} | {count} | {frame} | {person:.3} | {click:.3} | {boxed:.3} |");
        save_picture(&sheets.join(format!("{name}.png")), &sheet.render())?;
    }
    Ok(())
}

fn union(one: &Mask, other: &Mask) -> Mask {
    let cells = one.cells().iter().zip(other.cells()).map(|(one, other)| (*one).max(*other));
    Mask::from_cells(one.width(), one.height(), cells.collect())
}
