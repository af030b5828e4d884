//! Renders clips to folders of PNG files, with a contact sheet of all clips.
//!
//! `cargo run --release -p stuntdouble-stage --example render -- --assets DIR --out DIR --seeds A..B --size N --frames N --split train`
//!
//! Without `--assets`, the clips show built-in characters. `--sheet-only` writes only the contact sheet. `--pack FILE`
//! writes the assets as a pack of at most 30 MiB and reads it back. `--digest` prints the SHA-256 of all files of the
//! clips. `--videos SHARE` sets the share of clips whose backdrop is a video. `--audit SET:CLIPS` reports how far feet
//! are from the floor and how often props pass through bodies. `--measure N` renders `N` clips and reports the speed of
//! one colour pass with shadows, and of the rendering of all passes.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use media::picture::{Mask, Picture};
use sha2::{Digest, Sha256};
use stuntdouble_stage::{
    Assets, Backdrop, Clip, ClipSettings, ClipSpec, Exposure, Passes, Split, Usage, audit, clip_files, render_clip,
    render_parts, seed_of, usage_name,
};

struct Wish {
    assets: Option<PathBuf>,
    out: PathBuf,
    seeds: std::ops::Range<u64>,
    settings: ClipSettings,
    sheet_only: bool,
    pack: Option<PathBuf>,
    measure: Option<u64>,
    digest: bool,
    audit: Option<(String, u64)>,
}

fn wish() -> Result<Wish, Box<dyn Error>> {
    let mut wish = Wish {
        assets: None,
        out: PathBuf::from("stage-out"),
        seeds: 0..4,
        settings: ClipSettings::default(),
        sheet_only: false,
        pack: None,
        measure: None,
        digest: false,
        audit: None,
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
            "--videos" => wish.settings.video_share = value()?.parse()?,
            "--no-twin" => wish.settings.swapped = false,
            "--digest" => wish.digest = true,
            "--audit" => {
                let text = value()?;
                let (set, clips) = text.split_once(':').ok_or("an audit is given as `SET:CLIPS`")?;
                wish.audit = Some((set.to_owned(), clips.parse()?));
            }
            "--sheet-only" => wish.sheet_only = true,
            "--pack" => wish.pack = Some(value()?.into()),
            "--measure" => wish.measure = Some(value()?.parse()?),
            "--plain" => {
                let settings = &mut wish.settings;
                (settings.prop_share, settings.furniture_share, settings.bystander_share) = (0.0, 0.0, 0.0);
                (settings.blur_share, settings.noise_share) = (0.0, 0.0);
            }
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
    if let Some(path) = &wish.pack {
        let start = Instant::now();
        let bytes = assets.pack(path, 30 << 20)?;
        println!("packed {:.2} MiB in {:.1} s", bytes as f64 / f64::from(1 << 20), start.elapsed().as_secs_f32());
        let start = Instant::now();
        println!("unpacked {:?} in {:.1} s", Assets::unpack(path)?.counts(), start.elapsed().as_secs_f32());
        return Ok(());
    }
    for (name, split) in [("train", Split::Train), ("val", Split::Val), ("test", Split::Test)] {
        let [characters, motions, props] = [
            assets.characters().iter().filter(|named| named.split == split).count(),
            assets.motions().iter().filter(|named| named.split == split).count(),
            assets.props().iter().filter(|named| named.split == split).count(),
        ];
        println!("{name}: {characters} characters, {motions} motions, {props} props");
    }
    if let Some((set, clips)) = &wish.audit {
        let mut found = Found::default();
        for index in 0..*clips {
            let spec = ClipSpec::draw(seed_of(set, index), &assets, &wish.settings)?;
            found.weigh(&spec, &audit(&spec, &assets)?);
        }
        found.tell();
        return Ok(());
    }
    if let Some(clips) = wish.measure {
        return measure(&assets, &wish.settings, clips);
    }
    if wish.digest {
        let mut hash = Sha256::new();
        for seed in wish.seeds {
            let spec = ClipSpec::draw(seed, &assets, &wish.settings)?;
            for (name, bytes) in clip_files(&spec, &render_clip(&spec, &assets)?)? {
                hash.update(name.as_bytes());
                hash.update(bytes);
            }
        }
        let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        println!("{digits}");
        return Ok(());
    }
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
            spec.prop.as_ref().map_or("-".into(), |used| format!("{} {}", usage_name(&used.usage), used.prop))
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

/// Reports how many frames a second are rendered, and how varied the clips are.
#[expect(clippy::print_stdout, reason = "a program that reports to its user")]
fn measure(assets: &Assets, settings: &ClipSettings, clips: u64) -> Result<(), Box<dyn Error>> {
    let (mut pass, mut alone, mut bundle, mut frames) = (0.0, 0.0, 0.0, 0);
    let mut triangles = 0;
    let largest = assets.characters().iter().max_by_key(|named| named.item.triangles());
    let mut found = Found::default();
    let mut names: [BTreeSet<String>; 5] = Default::default();
    for index in 0..clips {
        let spec = ClipSpec::draw(seed_of("measure", index), assets, settings)?;
        // One pass: the largest person in front of the plain backdrop, one instant for each frame.
        let mut bare =
            ClipSpec { furniture: vec![], bystanders: vec![], exposure: Exposure::default(), ..spec.clone() };
        if let Some(named) = largest {
            bare.person.character = named.id.clone();
        }
        triangles = triangles.max(audit(&bare, assets)?.triangles);
        let start = cpu_seconds();
        render_parts(&bare, assets, Passes::CLIP)?;
        pass += cpu_seconds() - start;
        let start = cpu_seconds();
        render_parts(&spec, assets, Passes::CLIP)?;
        let middle = cpu_seconds();
        let clip = render_clip(&spec, assets)?;
        (alone, bundle) = (alone + middle - start, bundle + cpu_seconds() - middle);
        frames += clip.take.frames.len();
        found.look(&clip);
        found.weigh(&spec, &audit(&spec, assets)?);
        for cast in std::iter::once(&spec.person).chain(&spec.swapped) {
            names[0].insert(cast.character.clone());
            names[1].insert(format!("{}/{}", cast.character, cast.appearance));
        }
        names[2].insert(spec.action.motion.clone());
        names[3].extend(spec.prop.iter().map(|used| used.prop.clone()));
        names[3].extend(spec.furniture.iter().map(|piece| piece.prop.clone()));
        names[4].insert(match &spec.scene.backdrop {
            Backdrop::Panorama { panorama, ground, .. } => format!("{panorama} {ground:?}"),
            Backdrop::Room { floor, wall, .. } => format!("{} {}", floor.texture, wall.texture),
            Backdrop::Video { video, .. } => video.clone(),
            Backdrop::Plain { .. } => "plain".into(),
        });
    }
    println!(
        "{frames} frames, a second of one core: one pass with at most {triangles} triangles {:.1}, clip and plate {:.1}, whole \
         bundle {:.1}",
        frames as f32 / pass,
        frames as f32 / alone,
        frames as f32 / bundle
    );
    let [characters, looks, motions, things, places] = names.map(|set| set.len());
    println!("{characters} characters, {looks} looks, {motions} motions, {things} things, {places} places");
    found.tell();
    println!("{}", peak());
    Ok(())
}

/// Figures about faults of clips.
#[derive(Default)]
struct Found {
    clips: usize,
    frames: usize,
    /// Frames in which the person's visible part is lower than 15 % of the picture, or in which nobody is visible.
    small: usize,
    empty: usize,
    black: usize,
    smallest: f32,
    walks: usize,
    walking: usize,
    /// Frames of walking clips in which the lowest point is more than 3 cm off the floor.
    off: usize,
    furthest: f32,
    used: usize,
    through: usize,
    /// Largest step of a joint between two frames, in metres.
    step: f32,
}

impl Found {
    fn look(&mut self, clip: &Clip) {
        if self.clips == 0 {
            self.smallest = 1.0;
        }
        self.clips += 1;
        for (mask, picture) in clip.take.person.iter().zip(&clip.take.frames) {
            let rows: Vec<usize> =
                (0..mask.height()).filter(|&row| mask.row(row).iter().any(|cell| *cell > 127)).collect();
            let share = rows.last().map_or(0, |last| last + 1 - rows[0]) as f32 / mask.height() as f32;
            self.frames += 1;
            self.smallest = self.smallest.min(share);
            self.small += usize::from(share < 0.15);
            self.empty += usize::from(rows.is_empty());
            let sum: u64 = picture.bytes().iter().map(|byte| u64::from(*byte)).sum();
            self.black += usize::from(sum < 8 * picture.bytes().len() as u64);
        }
        for (before, after) in clip.take.joints.iter().zip(clip.take.joints.iter().skip(1)) {
            let step = before.iter().zip(after).map(|(a, b)| (*b - *a).length()).fold(0.0, f32::max);
            self.step = self.step.max(step);
        }
    }

    fn weigh(&mut self, spec: &ClipSpec, audit: &stuntdouble_stage::Audit) {
        if spec.action.motion.to_lowercase().contains("walk")
            && spec.prop.as_ref().is_none_or(|used| moves(&used.usage))
        {
            self.walks += 1;
            self.walking += audit.lowest.len();
            self.off += audit.lowest.iter().filter(|low| low.abs() > 0.03).count();
            self.furthest = audit.lowest.iter().fold(self.furthest, |most, low| most.max(low.abs()));
        }
        if spec.prop.is_some() {
            self.used += 1;
            self.through += usize::from(audit.goes_through);
        }
    }

    #[expect(clippy::print_stdout, reason = "a program that reports to its user")]
    fn tell(&self) {
        if self.clips > 0 {
            println!(
                "{} clips, {} frames: {} empty, {} black, {} with a person under 15 % of the height (least {:.2})",
                self.clips, self.frames, self.empty, self.black, self.small, self.smallest
            );
            println!("greatest way of a joint between two frames {:.2} m", self.step);
        }
        println!(
            "{} walking clips, {} frames: lowest point more than 3 cm off the floor in {} (furthest {:.3} m)",
            self.walks, self.walking, self.off, self.furthest
        );
        println!("{} clips with a thing in use, in {} it goes through the body", self.used, self.through);
    }
}

/// True if a person who uses a prop like this still walks.
fn moves(usage: &Usage) -> bool {
    !matches!(usage, Usage::Seat { .. } | Usage::Support { .. })
}

/// Total time of all threads on a core, in seconds, to a hundredth.
fn cpu_seconds() -> f32 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f32>().ok());
    ticks.sum::<f32>() / 100.0
}

/// The process's peak memory as reported by the system.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("peak memory unknown").to_owned()
}

/// First, middle and last frame, person and object mask, plate, identity-swapped clip, and the references.
fn sheet_row(clip: &Clip) -> Vec<Picture> {
    let middle = clip.take.frames.len() / 2;
    let last = clip.take.frames.len() - 1;
    let take = &clip.take;
    let masks = Picture::from_fn(take.person[middle].width(), take.person[middle].height(), |x, y| {
        let scenery = take.scenery.iter().map(|list| list[middle].get(x, y)).max().unwrap_or(0);
        [take.person[middle].get(x, y), take.object[middle].get(x, y), scenery]
    });
    let mut row = vec![take.frames[0].clone(), with_pose(clip, middle), take.frames[last].clone(), masks];
    row.push(clip.plate[middle].clone());
    if let Some(swapped) = &clip.swapped {
        row.push(swapped.frames[middle].clone());
    }
    row.extend(take.references.iter().cloned());
    row
}

/// The frame with dots at its joints.
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
        if let Some(swapped) = &clip.swapped {
            save(&swapped.frames[index], &name("twin", index))?;
            save_mask(&swapped.person[index], &name("twin-person", index))?;
        }
    }
    for (index, picture) in clip.take.references.iter().enumerate() {
        save(picture, &name("references", index))?;
    }
    fs::write(folder.join("clip.json"), serde_json::to_vec_pretty(spec)?)?;
    fs::write(folder.join("pose.json"), serde_json::to_vec(&clip.take.poses)?)?;
    Ok(())
}
