//! Shows the finisher's training data. The command `finishing_samples ASSETS OUT.png [COUNT]` renders samples, measures
//! the time, and writes a sheet. Each row of the sheet shows character, draft, plate, coverage, guess, hole, skeleton
//! map and ground truth.

use std::path::PathBuf;
use std::time::Instant;

use media::picture::Picture;
use media::sheet::Sheet;
use model::finisher::CHANNELS;
use stage::{Assets, Split};
use stuntdouble_train::finishing::sample::{FRAME_PLANES, Sample, SampleConfig, samples};

#[expect(clippy::print_stdout, reason = "this is the program's output")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(assets), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("usage: finishing_samples ASSETS OUT.png [COUNT]".into());
    };
    let count = arguments.next().map_or(Ok(8), |text| text.parse::<u64>())?;
    let (assets, _) = Assets::load(&PathBuf::from(assets))?;
    let config = SampleConfig::default();
    let side = config.size as usize;
    let mut sheet = Sheet::new(8, side, side);
    let start = Instant::now();
    let mut made = 0;
    for index in 0..count {
        for sample in samples(index, Split::Train, &assets, &config)? {
            made += 1;
            show(&sample, side, &mut sheet);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{made} samples of {} frames from {count} clips in {seconds:.1} s", config.frames);
    media::image_file::save_picture(&PathBuf::from(output), &sheet.render())?;
    Ok(())
}

fn show(sample: &Sample, side: usize, sheet: &mut Sheet) {
    let cells = side * side;
    let last = &sample.frames[sample.frames.len() - FRAME_PLANES * cells..];
    let colour = |planes: &[u8], first: usize| {
        Picture::from_fn(side, side, |x, y| [0, 1, 2].map(|c| planes[(first + c) * cells + y * side + x]))
    };
    let grey = |first: usize| Picture::from_fn(side, side, |x, y| [last[first * cells + y * side + x]; 3]);
    sheet.push(&colour(&sample.character, 0), "character");
    sheet.push(&colour(last, CHANNELS.draft), "draft");
    sheet.push(&colour(last, CHANNELS.under), "plate");
    sheet.push(&grey(CHANNELS.alpha), "coverage");
    sheet.push(&grey(CHANNELS.guess), "guess");
    sheet.push(&grey(CHANNELS.hole), "hole");
    sheet.push(&colour(last, CHANNELS.skeleton), "skeleton");
    sheet.push(&colour(last, CHANNELS.count), "truth");
    sheet.end_row();
}
