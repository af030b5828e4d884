//! Measures how well objects in use are found without a prompt, on rendered clips with exact ground truth.
//!
//! `cargo run --release -p measure -- objects ASSETS [CLIPS] [train|val|test] [OUT]`, or on a real clip
//! `cargo run --release -p measure -- objects clip FRAMES SIGNALS OUT [TRUTH]`
//!
//! The program uses `CLIPS` clips with an object that is held, carried or kicked, and two thirds as many without one.
//! Each clip is measured with exact and with simulated signals (`clips`). The rows of the table are methods: keep
//! nothing; keep parts outside the person's mask (`sticking_out`, the former method); keep everything outside limb
//! capsules (`outside_capsules`); the crate's own method. With `OUT`, the program writes a contact sheet of every clip.
//!
//! - recall, precision: the found pixels are compared with the visible object, averaged over the frames in which it is
//!   visible;
//! - IoU > 0.5: share of the frames with a visible object whose IoU is above 0.5;
//! - lost: share of the object's pixels that are removed from the frame but not found as object;
//! - false area: number of pixels found in clips without an object, as a share of the person's pixels.
#![expect(clippy::print_stdout, reason = "the table is what the tool is for")]

mod clips;
mod filmed;
mod methods;
mod outside_capsules;
mod score;
mod sticking_out;

use std::error::Error;
use std::path::Path;

use media::image_file::save_picture;
use media::picture::{Mask, Picture};
use media::sheet::Sheet;
use stage::{Assets, Split, seed_of};

use crate::objects::clips::{Signals, Staged, staged};
use crate::objects::methods::Method;
use crate::objects::score::Score;

pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    if arguments.first().is_some_and(|word| word == "clip") {
        return filmed::run(&arguments[1..]);
    }
    let folder = arguments.first().ok_or("usage: measure objects ASSETS [CLIPS] [train|val|test] [OUT]")?;
    let count: usize = arguments.get(1).map_or(Ok(60), |count| count.parse())?;
    let split = match arguments.get(2).map(String::as_str) {
        None | Some("test") => Split::Test,
        Some("val") => Split::Val,
        Some("train") => Split::Train,
        Some(other) => return Err(format!("`{other}` is no split; use `train`, `val` or `test`").into()),
    };
    let out = arguments.get(3).map(Path::new);
    let (assets, _) = Assets::load(Path::new(folder))?;
    let mut scores = vec![[Score::default(); Method::ALL.len()]; Signals::ALL.len()];
    let mut slowest = 0.0f64;
    let mut next = [0, 0];
    for number in 0..count + count * 2 / 3 {
        // Three clips with an object, then two without, so that a stopped run has measured both kinds.
        let wants_object = number % 5 < 3;
        let clip = loop {
            let index = &mut next[usize::from(wants_object)];
            *index += 1;
            if let Some(clip) = staged(seed_of("objects", *index - 1), wants_object, split, &assets)? {
                break clip;
            }
        };
        for (signals, scores) in Signals::ALL.into_iter().zip(&mut scores) {
            let seen = clip.seen_with(signals);
            let made: Vec<Vec<Option<Mask>>> = Method::ALL.iter().map(|method| method.objects(&seen)).collect();
            for (score, made) in scores.iter_mut().zip(&made) {
                score.add(&clip.objects, &clip.persons, &seen, made);
            }
            slowest = slowest.max(seen.seconds());
            if let Some(out) = out {
                let name = format!("{number:03}-{}.png", signals.name().replace([' ', ','], "-"));
                save_picture(&out.join(name), &sheet(&clip, &made).render())?;
            }
        }
        if number % 5 == 4 {
            print(number + 1, &scores);
            println!("slowest clip: {:.1} ms a frame for the crate's own method\n", 1000.0 * slowest);
        }
    }
    Ok(())
}

/// The tables so far.
fn print(clips: usize, scores: &[[Score; Method::ALL.len()]]) {
    println!("after {clips} clips\n");
    for (signals, scores) in Signals::ALL.into_iter().zip(scores) {
        let frames = scores[0].frames();
        println!("| {}, {frames} frames | recall | precision | IoU > 0.5 | lost | false area |", signals.name());
        println!("|---|---:|---:|---:|---:|---:|");
        for (method, score) in Method::ALL.iter().zip(scores) {
            println!("{}", score.row(method.name()));
        }
        println!();
    }
}

/// Some frames with the result of each method.
fn sheet(clip: &Staged, made: &[Vec<Option<Mask>>]) -> Sheet {
    let (width, height) = clip.frames[0].size();
    let mut sheet = Sheet::new(Method::ALL.len(), width, height).titled(clip.name.clone());
    for frame in (0..clip.frames.len()).step_by(clip.frames.len() / 4) {
        sheet.push(&clip.frames[frame], format!("frame {frame}"));
        for (method, made) in Method::ALL.iter().zip(made).skip(1) {
            sheet.push(&marked(&clip.frames[frame], &clip.objects[frame], made[frame].as_ref()), method.name());
        }
    }
    sheet
}

/// Green: correctly found, red: wrongly found, blue: missed.
pub(crate) fn marked(frame: &Picture, truth: &Mask, found: Option<&Mask>) -> Picture {
    Picture::from_fn(frame.width(), frame.height(), |x, y| {
        let grey = frame.get(x, y).iter().map(|value| u16::from(*value)).sum::<u16>() / 6;
        let grey = grey as u8;
        match (truth.get(x, y) > 127, found.is_some_and(|found| found.get(x, y) > 127)) {
            (true, true) => [grey, 200, grey],
            (true, false) => [grey, grey, 220],
            (false, true) => [220, grey, grey],
            (false, false) => [grey; 3],
        }
    })
}
