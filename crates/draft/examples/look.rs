//! Sheets of warps to look at: `look OUT.png CLIP_FRAMES CLIP_SIGNALS FRAME,FRAME.. REF_PICTURE:REF_SIGNALS ...`
use std::path::Path;

use draft::cutout::Cutout;
use draft::puppet::Puppet;
use draft::warp::warp;
use media::image_file::{load_mask, load_picture, save_picture};
use media::picture::Picture;
use media::sheet::Sheet;
use perception::inpaint::inpaint;
use perception::signals::load_poses;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let clip = Path::new(&arguments[1]);
    let signals = Path::new(&arguments[2]);
    let frames: Vec<usize> = arguments[3].split(',').map(|text| text.parse().unwrap()).collect();
    let poses = load_poses(&signals.join("pose.json")).unwrap().frames;
    let mut files: Vec<_> = std::fs::read_dir(clip).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let plates: Vec<(Picture, Picture)> = frames
        .iter()
        .map(|&frame| {
            let picture = load_picture(&files[frame]).unwrap();
            let mask = load_mask(&signals.join(format!("person/{frame:06}.png")), None).unwrap();
            let reach = 7i32;
            let hole = media::picture::Mask::from_fn(mask.width(), mask.height(), |x, y| {
                let near = (-reach..=reach).step_by(3).any(|dy| {
                    (-reach..=reach).step_by(3).any(|dx| mask.get_clamped(x as i32 + dx, y as i32 + dy) > 64)
                });
                if near { 255 } else { 0 }
            });
            let plate = inpaint(&picture, &hole);
            (picture, plate)
        })
        .collect();
    let (width, height) = plates[0].0.size();
    let mut sheet = Sheet::new(frames.len() + 1, width, height).titled("reference, then drafts");
    let blank = Picture::filled(width, height, [0; 3]);
    sheet.push(&blank, "source");
    for (picture, _) in &plates {
        sheet.push(picture, "");
    }
    for reference in &arguments[4..] {
        let (picture, signals) = reference.split_once(':').unwrap();
        let picture = load_picture(Path::new(picture)).unwrap();
        let mask = load_mask(&Path::new(signals).join("person/000000.png"), None).unwrap();
        let pose = load_poses(&Path::new(signals).join("pose.json")).unwrap().frames;
        let pose = pose.into_iter().next().flatten();
        sheet.push(&picture, "");
        let Some(cutout) = Cutout::new(&picture, &mask, pose.as_ref()) else { continue };
        let start = std::time::Instant::now();
        let puppet = Puppet::new(cutout);
        let prepared = start.elapsed();
        for (&frame, (_, plate)) in frames.iter().zip(&plates) {
            let mut result = plate.clone();
            let start = std::time::Instant::now();
            let pose = poses[frame].as_ref();
            if let Some(warp) =
                pose.and_then(|pose| warp(std::slice::from_ref(&puppet), pose, (width, height), &[None]))
            {
                warp.lay_over(&mut result);
            }
            sheet.push(
                &result,
                format!("{:.1} ms, prepared {} ms", start.elapsed().as_secs_f64() * 1e3, prepared.as_millis()),
            );
        }
    }
    save_picture(Path::new(&arguments[0]), &sheet.render()).unwrap();
}
