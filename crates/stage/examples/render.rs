//! Renders clips to folders of PNG files, with a contact sheet over all of them.
//!
//! `cargo run --release -p stage --example render -- --assets DIR --out DIR --seeds A..B --size N --frames N --split train`
//!
//! Without `--assets` the built-in cast acts. `--sheet-only` writes the sheet and nothing else.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use media::picture::{Mask, Picture};
use stage::{Assets, Clip, ClipSettings, ClipSpec, Split, render_clip};

struct Wish {
    assets: Option<PathBuf>,
    out: PathBuf,
    seeds: std::ops::Range<u64>,
    settings: ClipSettings,
    sheet_only: bool,
}

fn wish() -> Result<Wish, Box<dyn Error>> {
    let mut wish = Wish {
        assets: None,
        out: PathBuf::from("stage-out"),
        seeds: 0..4,
        settings: ClipSettings::default(),
        sheet_only: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("`{word}` needs a value"));
        match word.as_str() {
            "--assets" => wish.assets = Some(value()?.into()),
            "--out" => wish.out = value()?.into(),
            "--seeds" => {
                let text = value()?;
                let (first, end) = text.split_once("..").ok_or("seeds are given as `A..B`")?;
                wish.seeds = first.parse()?..end.parse()?;
            }
            "--size" => {
                let side = value()?.parse()?;
                (wish.settings.width, wish.settings.height) = (side, side);
            }
            "--frames" => wish.settings.frames = value()?.parse()?,
            "--references" => wish.settings.references = value()?.parse()?,
            "--no-twin" => wish.settings.twin = false,
            "--sheet-only" => wish.sheet_only = true,
            "--split" => {
                wish.settings.split = Some(match value()?.as_str() {
                    "train" => Split::Train,
                    "val" => Split::Val,
                    "test" => Split::Test,
                    other => return Err(format!("no split `{other}`").into()),
                });
            }
            other => return Err(format!("unknown option `{other}`").into()),
        }
    }
    Ok(wish)
}

#[expect(clippy::print_stdout, reason = "a program that reports to its user")]
fn main() -> Result<(), Box<dyn Error>> {
    let wish = wish()?;
    let start = Instant::now();
    let assets = match &wish.assets {
        Some(folder) => {
            let (assets, warnings) = Assets::load(folder)?;
            for warning in &warnings {
                println!("left out: {} ({})", warning.cause, warning.cause.code());
            }
            assets
        }
        None => Assets::procedural(),
    };
    println!("assets {:?} in {:.2} s", assets.counts(), start.elapsed().as_secs_f32());
    fs::create_dir_all(&wish.out)?;
    let mut rows = Vec::new();
    let (mut drawing, mut rendering) = (0.0, 0.0);
    for seed in wish.seeds.clone() {
        let start = Instant::now();
        let spec = ClipSpec::draw(seed, &assets, &wish.settings)?;
        drawing += start.elapsed().as_secs_f32();
        let start = Instant::now();
        let clip = render_clip(&spec, &assets)?;
        rendering += start.elapsed().as_secs_f32();
        println!(
            "{seed}: {} {} {}",
            spec.person.character,
            spec.action.motion,
            spec.prop.as_ref().map_or("-", |held| held.prop.as_str())
        );
        rows.push(sheet_row(&clip));
        if !wish.sheet_only {
            write_clip(&wish.out.join(format!("{seed:06}")), &spec, &clip)?;
        }
    }
    save(&stacked(&rows), &wish.out.join("sheet.png"))?;
    let frames = wish.settings.frames as f32 * wish.seeds.count() as f32;
    println!("drawing {drawing:.2} s, rendering {rendering:.2} s, {:.1} frames/s (bundle)", frames / rendering);
    Ok(())
}

/// First, middle and last frame, person and object mask, plate, twin, and the references.
fn sheet_row(clip: &Clip) -> Vec<Picture> {
    let middle = clip.take.frames.len() / 2;
    let last = clip.take.frames.len() - 1;
    let take = &clip.take;
    let masks = Picture::from_fn(take.person[middle].width(), take.person[middle].height(), |x, y| {
        [take.person[middle].get(x, y), take.object[middle].get(x, y), 0]
    });
    let mut row = vec![take.frames[0].clone(), with_pose(clip, middle), take.frames[last].clone(), masks];
    row.push(clip.plate[middle].clone());
    if let Some(twin) = &clip.twin {
        row.push(twin.frames[middle].clone());
    }
    row.extend(take.references.iter().cloned());
    row
}

/// The frame with its joints as dots.
fn with_pose(clip: &Clip, frame: usize) -> Picture {
    let mut picture = clip.take.frames[frame].clone();
    let pose = &clip.take.poses[frame];
    let mut dot = |x: f32, y: f32, reach: i32, colour: [u8; 3]| {
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let (x, y) = (x as i32 + dx, y as i32 + dy);
                if x >= 0 && y >= 0 && (x as usize) < picture.width() && (y as usize) < picture.height() {
                    picture.set(x as usize, y as usize, colour);
                }
            }
        }
    };
    for point in pose.face.iter().chain(&pose.left_hand).chain(&pose.right_hand) {
        dot(point.x, point.y, 0, [255, 255, 0]);
    }
    for point in pose.body.iter().filter(|point| point.is_drawn()) {
        dot(point.x, point.y, 1, if point.confidence > 0.9 { [0, 255, 0] } else { [255, 0, 0] });
    }
    picture
}

fn stacked(rows: &[Vec<Picture>]) -> Picture {
    let Some(first) = rows.first().and_then(|row| row.first()) else { return Picture::filled(1, 1, [0; 3]) };
    let (width, height) = first.size();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(1);
    Picture::from_fn(width * columns, height * rows.len(), |x, y| match rows[y / height].get(x / width) {
        Some(picture) => picture.get(x % width, y % height),
        None => [40; 3],
    })
}

fn save(picture: &Picture, path: &Path) -> Result<(), Box<dyn Error>> {
    let (width, height) = picture.size();
    image::save_buffer(path, picture.bytes(), width as u32, height as u32, image::ExtendedColorType::Rgb8)?;
    Ok(())
}

fn save_mask(mask: &Mask, path: &Path) -> Result<(), Box<dyn Error>> {
    let (width, height) = mask.size();
    image::save_buffer(path, mask.cells(), width as u32, height as u32, image::ExtendedColorType::L8)?;
    Ok(())
}

fn write_clip(folder: &Path, spec: &ClipSpec, clip: &Clip) -> Result<(), Box<dyn Error>> {
    for part in ["frames", "person", "object", "plate", "twin", "twin-person", "references"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let name = |part: &str, index: usize| folder.join(part).join(format!("{index:05}.png"));
    for (index, frame) in clip.take.frames.iter().enumerate() {
        save(frame, &name("frames", index))?;
        save_mask(&clip.take.person[index], &name("person", index))?;
        save_mask(&clip.take.object[index], &name("object", index))?;
        save(&clip.plate[index], &name("plate", index))?;
        if let Some(twin) = &clip.twin {
            save(&twin.frames[index], &name("twin", index))?;
            save_mask(&twin.person[index], &name("twin-person", index))?;
        }
    }
    for (index, picture) in clip.take.references.iter().enumerate() {
        save(picture, &name("references", index))?;
    }
    fs::write(folder.join("clip.json"), serde_json::to_vec_pretty(spec)?)?;
    fs::write(folder.join("pose.json"), serde_json::to_vec(&clip.take.poses)?)?;
    Ok(())
}
