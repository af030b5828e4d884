//! Reads real footage with people, draws contact sheets, and measures how steady the filled region is over time.

use std::error::Error;

use draft::plate::{PlateFrame, fill};
use media::image_file::save_picture;
use media::picture::{Mask, Picture};
use media::sheet::Sheet;
use perception::inpaint::inpaint;

use crate::plate::Request;
use crate::plate::folder::{entries, masks, name, pictures};
use crate::plate::score::{grown, timed};

pub(crate) fn run(request: &Request) -> Result<usize, Box<dyn Error>> {
    let folder = request.shared.as_ref().map(|shared| shared.join("data/clips"));
    let mut ran = 0;
    println!("real clips\ncase                      seen %   step in hole  step outside  frames/s");
    for folder in folder.map(|folder| entries(&folder)).unwrap_or_default() {
        let name = name(&folder);
        if !request.wants_case(&name) || !folder.join("person_mask").is_dir() {
            continue;
        }
        let frames = pictures(&folder.join("frames"))?;
        let people = masks(&folder.join("person_mask"))?;
        if frames.len() != people.len() || frames.is_empty() {
            println!("{name}: {} frames, {} masks", frames.len(), people.len());
            continue;
        }
        let holes: Vec<Mask> = people.iter().map(|person| grown(person, 3 + side(person) / 50)).collect();
        let (made, speed) = timed(&frames, &holes);
        let (inside, outside) = steps(&made, &holes);
        println!("{name:<25} {:6.1} {inside:14.2} {outside:13.2} {speed:9.1}", 100.0 * seen_share(&made, &holes));
        let shape = frames[0].size();
        let cell = if shape.0 > shape.1 { (420, 420 * shape.1 / shape.0) } else { (420 * shape.0 / shape.1, 420) };
        let mut sheet = Sheet::new(5, cell.0, cell.1).titled(name.clone());
        for frame in (0..made.len()).step_by((made.len() / 4).max(1)).take(5) {
            sheet.push(&outlined(&frames[frame], &holes[frame]), format!("frame {frame}"));
            sheet.push(&made[frame].seen.map(|seen| [seen; 3]), "seen");
            sheet.push(&made[frame].picture, "plate");
            sheet.push(&fill(&frames[frame], &holes[frame]), "fill");
            sheet.push(&inpaint(&frames[frame], &holes[frame]), "fast marching");
        }
        save_picture(&request.out.join(format!("clip-{name}.png")), &sheet.render())?;
        let mut run = Sheet::new(3, shape.0, shape.1).titled(name.clone());
        for (frame, plate) in made.iter().enumerate().skip(made.len() / 3).take(6) {
            run.push(&plate.picture, format!("frame {frame}"));
        }
        save_picture(&request.out.join(format!("run-{name}.png")), &run.render())?;
        ran += 1;
    }
    Ok(ran)
}

/// Measures the time for plates alone.
pub(crate) fn speed(request: &Request) -> Result<usize, Box<dyn Error>> {
    let folder = request.shared.as_ref().map(|shared| shared.join("data/clips"));
    let mut ran = 0;
    for folder in folder.map(|folder| entries(&folder)).unwrap_or_default() {
        if !request.wants_case(&name(&folder)) || !folder.join("person_mask").is_dir() {
            continue;
        }
        let frames = pictures(&folder.join("frames"))?;
        let people = masks(&folder.join("person_mask"))?;
        let holes: Vec<Mask> = people.iter().map(|person| grown(person, 3 + side(person) / 50)).collect();
        let (_, speed) = timed(&frames, &holes);
        println!("{:<25} {speed:6.1} frames/s", name(&folder));
        ran += 1;
    }
    Ok(ran)
}

/// The longer side of a mask's box.
fn side(mask: &Mask) -> i32 {
    let (mut left, mut top, mut right, mut bottom) = (usize::MAX, usize::MAX, 0, 0);
    for (index, _) in mask.cells().iter().enumerate().filter(|(_, covered)| **covered >= 32) {
        let (x, y) = (index % mask.width(), index / mask.width());
        (left, top, right, bottom) = (left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1));
    }
    (right.saturating_sub(left)).max(bottom.saturating_sub(top)) as i32
}

fn seen_share(made: &[PlateFrame], holes: &[Mask]) -> f64 {
    let (mut seen, mut all) = (0.0, 0.0);
    for (plate, hole) in made.iter().zip(holes) {
        for (&seen_cell, _) in plate.seen.cells().iter().zip(hole.cells()).filter(|(_, covered)| **covered > 0) {
            all += 1.0;
            seen += f64::from(seen_cell) / 255.0;
        }
    }
    seen / f64::max(all, 1.0)
}

/// The mean change of a pixel between two frames, inside the hole of both frames and outside both.
fn steps(made: &[PlateFrame], holes: &[Mask]) -> (f64, f64) {
    let mut sums = [(0.0, 0.0); 2];
    for index in 1..made.len() {
        let (a, b) = (made[index - 1].picture.cells(), made[index].picture.cells());
        for cell in 0..a.len() {
            let (before, now) = (holes[index - 1].cells()[cell] > 0, holes[index].cells()[cell] > 0);
            if before == now {
                let step: f64 = (0..3).map(|i| f64::from(a[cell][i].abs_diff(b[cell][i]))).sum();
                let sum = &mut sums[usize::from(!now)];
                *sum = (sum.0 + step / 3.0, sum.1 + 1.0);
            }
        }
    }
    (sums[0].0 / f64::max(sums[0].1, 1.0), sums[1].0 / f64::max(sums[1].1, 1.0))
}

/// The frame with the border of its hole.
fn outlined(frame: &Picture, hole: &Mask) -> Picture {
    Picture::from_fn(frame.width(), frame.height(), |x, y| {
        let near = [(0, 1), (1, 0), (0, -1), (-1, 0)];
        let inside = hole.get(x, y) > 0;
        let border = near.iter().any(|&(dx, dy)| (hole.get_clamped(x as i32 + dx, y as i32 + dy) > 0) != inside);
        if border { [255, 0, 220] } else { frame.get(x, y) }
    })
}
