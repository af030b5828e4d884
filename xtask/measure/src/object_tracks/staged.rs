//! Evaluates rendered clips with a prop: makes one click at a random time, and compares the masks over the whole clip.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use media::image_file::save_picture;
use media::picture::{Mask, Picture};
use media::sheet::Sheet;

use crate::object_tracks::clips::{self, Click, Clip, area};
use crate::object_tracks::rows::{Row, Seen};

/// Overlap from which on a clip's mask counts as good.
const GOOD: f64 = 0.7;

/// What was measured in one clip.
struct Line {
    band: &'static str,
    usage: String,
    means: [f64; Row::ALL.len()],
    /// Overlap in the clicked frame.
    clicked: f64,
}

/// Measures up to `count` clips and prints tables; with `out`, writes a sheet of each clip there.
pub(crate) fn run(set: &Path, count: usize, exact: bool, out: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let (mut lines, mut spent) = (vec![], vec![]);
    for key in clips::keys(set)? {
        if lines.len() == count {
            break;
        }
        let Some(clip) = clips::read(set, &key)? else { continue };
        let mut random = clips::random(&key);
        let click = clip.click(&mut random);
        let (persons, poses) =
            if exact { (clip.persons.clone(), clip.poses.clone()) } else { clip.imitated(&mut random) };
        let seen = Seen {
            frames: &clip.frames,
            persons: &persons,
            poses: poses.iter().map(Some).collect(),
            objects: &clip.objects,
        };
        let made: Vec<Vec<(Mask, f32)>> = Row::ALL
            .iter()
            .map(|&row| {
                let start = Instant::now();
                let masks = seen.masks(row, click);
                if row == Row::Ours {
                    spent.push(start.elapsed().as_secs_f64() * 1e3 / clip.frames.len() as f64);
                }
                masks
            })
            .collect();
        let overlaps: Vec<Vec<(usize, f64)>> = made.iter().map(|made| seen.overlaps(made)).collect();
        let means: Vec<f64> = overlaps.iter().map(|found| mean(found.iter().map(|found| found.1))).collect();
        let means: [f64; Row::ALL.len()] = std::array::from_fn(|row| means[row]);
        let ours = Row::ALL.iter().position(|&row| row == Row::Ours).unwrap_or_default();
        let clicked = overlaps[ours].iter().find(|found| found.0 == click.frame).map_or(0.0, |found| found.1);
        println!(
            "{:03} {:.2} clicked {clicked:.2} {} {} ({})",
            lines.len() + 1,
            means[ours],
            clip.usage,
            clip.name,
            band(&clip)
        );
        lines.push(Line { band: band(&clip), usage: clip.usage.clone(), means, clicked });
        if let Some(out) = out {
            let name = format!("{:03}-{:02.0}.png", lines.len(), 100.0 * means[ours]);
            save_picture(&out.join(name), &sheet(&clip, &made[ours], click, &overlaps[ours]).render())?;
        }
    }
    print(&lines);
    println!("\n{:.1} ms a frame for one click, start included", mean(spent.into_iter()));
    Ok(())
}

/// How much of the prop is hidden at times, by the least and the largest area that is seen.
fn band(clip: &Clip) -> &'static str {
    let areas: Vec<usize> = clip.objects.iter().map(area).collect();
    let share = *areas.iter().min().unwrap_or(&0) as f32 / (*areas.iter().max().unwrap_or(&1)).max(1) as f32;
    match share {
        share if share > 0.7 => "steady",
        share if share > 0.3 => "partly hidden",
        _ => "mostly hidden at times",
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count.max(1))
}

fn print(lines: &[Line]) {
    let mut groups = vec!["all".to_owned()];
    groups.extend(["steady", "partly hidden", "mostly hidden at times"].map(String::from));
    let mut usages: Vec<String> = lines.iter().map(|line| line.usage.clone()).collect();
    usages.sort();
    usages.dedup();
    groups.extend(usages);
    let belongs = |line: &Line, group: &str| group == "all" || line.band == group || line.usage == group;
    println!("\n| mean IoU / share of clips above {GOOD} | {} |", groups.join(" | "));
    println!("|---|{}", "---:|".repeat(groups.len()));
    let counts: Vec<String> =
        groups.iter().map(|group| lines.iter().filter(|line| belongs(line, group)).count().to_string()).collect();
    println!("| clips | {} |", counts.join(" | "));
    let cell = |of: &dyn Fn(&Line) -> f64, group: &str| {
        let all: Vec<f64> = lines.iter().filter(|line| belongs(line, group)).map(of).collect();
        let good = all.iter().filter(|value| **value > GOOD).count() as f64 / all.len().max(1) as f64;
        format!("{:.3} / {good:.2}", mean(all.into_iter()))
    };
    for (place, row) in Row::ALL.iter().enumerate() {
        let cells: Vec<String> = groups.iter().map(|group| cell(&|line| line.means[place], group)).collect();
        println!("| {} | {} |", row.name(), cells.join(" | "));
    }
    let cells: Vec<String> = groups.iter().map(|group| cell(&|line| line.clicked, group)).collect();
    println!("| one click, in the clicked frame alone | {} |", cells.join(" | "));
}

/// Some frames with what was found: green rightly, red wrongly, blue missed; the click is white.
fn sheet(clip: &Clip, made: &[(Mask, f32)], click: Click, overlaps: &[(usize, f64)]) -> Sheet {
    let (width, height) = clip.frames[0].size();
    let mut sheet = Sheet::new(4, width, height).titled(format!("{} {}", clip.usage, clip.name));
    let mut shown: Vec<usize> =
        (0..clip.frames.len()).step_by(clip.frames.len().div_ceil(7)).chain([click.frame]).collect();
    shown.sort();
    shown.dedup();
    for index in shown {
        let mut picture = marked(&clip.frames[index], &clip.objects[index], &made[index].0);
        if index == click.frame {
            for (dx, dy) in [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (2, 0), (-2, 0), (0, 2), (0, -2)] {
                let (x, y) = (click.place.0 as i32 + dx, click.place.1 as i32 + dy);
                let inside = x >= 0 && y >= 0 && x < width as i32 && y < height as i32;
                if inside {
                    picture.set(x as usize, y as usize, [255; 3]);
                }
            }
        }
        let iou = overlaps.iter().find(|found| found.0 == index).map_or(-1.0, |found| found.1);
        let kind = if index == click.frame { "clicked" } else { "frame" };
        sheet.push(&picture, format!("{kind} {index}: IoU {iou:.2} score {:.2}", made[index].1));
    }
    sheet
}

pub(crate) fn marked(frame: &Picture, truth: &Mask, found: &Mask) -> Picture {
    Picture::from_fn(frame.width(), frame.height(), |x, y| {
        let [red, green, blue] = frame.get(x, y);
        match (truth.get(x, y) > 127, found.get(x, y) > 127) {
            (true, true) => [red / 2, green / 2 + 127, blue / 2],
            (true, false) => [red / 2, green / 2, blue / 2 + 127],
            (false, true) => [red / 2 + 127, green / 2, blue / 2],
            (false, false) => [red, green, blue],
        }
    })
}
