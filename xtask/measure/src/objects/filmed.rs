//! Reads a real clip: its frames, and the signals that `stuntdouble perceive` wrote.

use std::error::Error;
use std::path::{Path, PathBuf};

use media::image_file::{load_mask, load_picture, save_picture};
use media::picture::{Mask, Picture};
use perception::signals::SignalsFolder;

use crate::objects::clips::{LEAST, Seen, area};
use crate::objects::marked;
use crate::objects::methods::Method;
use crate::objects::score::Score;

/// Prints in how many frames each method finds something, and a table if there are true masks. Draws what the crate's
/// own method finds.
pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [frames, signals, out, truth @ ..] = arguments else {
        return Err("usage: objects clip FRAMES SIGNALS OUT [TRUTH]".into());
    };
    let frames: Vec<Picture> = listed(frames)?.iter().map(|path| load_picture(path)).collect::<Result<_, _>>()?;
    let size = frames.first().ok_or("no frame")?.size();
    let signals = SignalsFolder::new(signals, frames.len(), size);
    let poses = signals.poses()?.ok_or("no poses")?;
    let empty = Mask::filled(size.0, size.1, 0);
    let persons: Vec<Mask> = (0..frames.len())
        .map(|index| Ok(signals.person(index)?.unwrap_or_else(|| empty.clone())))
        .collect::<Result<_, Box<dyn Error>>>()?;
    let objects: Vec<Mask> = match truth {
        [folder] => listed(folder)?.iter().map(|path| load_mask(path, None)).collect::<Result<_, _>>()?,
        _ => vec![empty.clone(); frames.len()],
    };
    let seen = Seen::new(&frames, persons.clone(), poses, None);
    for method in Method::ALL {
        let found = method.objects(&seen);
        let answered = found.iter().flatten().filter(|mask| area(mask) >= LEAST).count();
        let mut score = Score::default();
        score.add(&objects, &persons, &seen, &found);
        println!("{answered:4} of {} frames {}", frames.len(), score.row(method.name()));
        if method == Method::Own {
            for (index, frame) in frames.iter().enumerate() {
                let picture = marked(frame, &objects[index], found[index].as_ref());
                save_picture(&Path::new(out).join(format!("{index:06}.png")), &picture)?;
            }
        }
    }
    println!("{:.1} ms a frame", 1000.0 * seen.seconds());
    Ok(())
}

fn listed(folder: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}
