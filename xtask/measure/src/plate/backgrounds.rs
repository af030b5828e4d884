//! Reads footage without people, and moves an artificial hole in the shape of a walker over it. The hole stays to the
//! left of moving objects, because no other frame shows what is behind them.

use std::error::Error;

use media::image_file::save_picture;
use media::picture::{Mask, Picture};
use media::sheet::Sheet;

use crate::plate::Request;
use crate::plate::folder::{entries, name, pictures};
use crate::plate::score::{HEADER, Score, error, score};

pub(crate) fn run(request: &Request) -> Result<usize, Box<dyn Error>> {
    let folder = request.shared.as_ref().map(|shared| shared.join("data/backgrounds_video"));
    let folders = folder.map(|folder| entries(&folder)).unwrap_or_default();
    println!("footage without people, made-up holes\n{HEADER}");
    let mut all = Score::default();
    let mut ran = 0;
    for folder in folders.into_iter().filter(|folder| request.wants_case(&name(folder)) && name(folder) != "plates") {
        let truth = pictures(&folder)?;
        let holes: Vec<Mask> = (0..truth.len()).map(|frame| walker(truth[0].size(), frame, truth.len())).collect();
        let frames: Vec<Picture> = truth.iter().zip(&holes).map(|(truth, hole)| occupied(truth, hole)).collect();
        let (made, row) = score(&frames, &holes, &truth);
        println!("{}", row.row(&name(&folder)));
        all.join(&row);
        let mut sheet = Sheet::new(5, 448, 256).titled(row.row(&name(&folder)));
        for frame in (0..made.len()).step_by(made.len() / 5) {
            sheet.push(&frames[frame], format!("frame {frame}"));
            sheet.push(&made[frame].seen.map(|seen| [seen; 3]), "seen");
            sheet.push(&made[frame].picture, "plate");
            sheet.push(&truth[frame], "truth");
            sheet.push(&error(&made[frame].picture, &truth[frame]), "error x 4");
        }
        save_picture(&request.out.join(format!("background-{}.png", name(&folder))), &sheet.render())?;
        ran += 1;
    }
    println!("{}", all.row("all"));
    Ok(ran)
}

/// An ellipse with a person's proportions that walks through the left third and sways.
fn walker((width, height): (usize, usize), frame: usize, frames: usize) -> Mask {
    let along = frame as f64 / (frames - 1) as f64;
    let middle = ((0.08 + 0.22 * along) * width as f64, (0.55 + 0.03 * (along * 25.0).sin()) * height as f64);
    let half = (0.06 * width as f64 * (1.0 + 0.25 * (along * 20.0).cos()), 0.36 * height as f64);
    Mask::from_fn(width, height, |x, y| {
        let (dx, dy) = ((x as f64 - middle.0) / half.0, (y as f64 - middle.1) / half.1);
        if dx * dx + dy * dy <= 1.0 { 255 } else { 0 }
    })
}

fn occupied(truth: &Picture, hole: &Mask) -> Picture {
    let mut frame = truth.clone();
    for (pixel, &covered) in frame.cells_mut().iter_mut().zip(hole.cells()) {
        if covered > 0 {
            *pixel = [255, 0, 200];
        }
    }
    frame
}
