//! Renders clips with known plates. The rendered plates do not contain the person's shadow, so the shadow belongs to
//! the hole.

use std::error::Error;

use media::image_file::save_picture;
use media::picture::{Mask, Picture};
use media::sheet::Sheet;
use stage::{Assets, ClipSettings, ClipSpec, Passes, render_parts, seed_of};

use crate::plate::Request;
use crate::plate::score::{HEADER, Score, error, grown, score};

const CLIPS: usize = 16;
/// From this difference on, a pixel shows the person, the prop in use, or a shadow, and not the plate.
const CHANGED: u8 = 6;

pub(crate) fn run(request: &Request) -> Result<usize, Box<dyn Error>> {
    let Some(folder) =
        request.shared.as_ref().map(|shared| shared.join("data/assets3d")).filter(|folder| folder.is_dir())
    else {
        println!("stage: no assets, 0 cases ran");
        return Ok(0);
    };
    let (assets, _) = Assets::load(&folder)?;
    let settings =
        ClipSettings { width: 384, height: 216, frames: 36, swapped: false, references: 0, ..ClipSettings::default() };
    println!("rendered clips\n{HEADER}");
    let (mut still, mut moving) = (Score::default(), Score::default());
    let mut ran = 0;
    for index in 0..CLIPS {
        let spec = ClipSpec::draw(seed_of("plate", index as u64), &assets, &settings)?;
        let stands = spec.cameras.windows(2).all(|pair| pair[0] == pair[1]);
        let name = format!("{:02}-{}", index, if stands { "still" } else { "moving" });
        if !request.wants_case(&name) || !spec.bystanders.is_empty() {
            continue;
        }
        let clip = render_parts(&spec, &assets, Passes::CLIP)?;
        let holes: Vec<Mask> = (0..clip.plate.len())
            .map(|frame| {
                hole(&clip.take.frames[frame], &clip.plate[frame], &clip.take.person[frame], &clip.take.object[frame])
            })
            .collect();
        let (made, row) = score(&clip.take.frames, &holes, &clip.plate);
        println!("{}", row.row(&name));
        if stands {
            still.join(&row)
        } else {
            moving.join(&row)
        }
        let mut sheet = Sheet::new(5, 384, 216).titled(row.row(&name));
        for frame in (0..made.len()).step_by(made.len() / 4) {
            sheet.push(&clip.take.frames[frame], format!("frame {frame}"));
            sheet.push(&made[frame].seen.map(|seen| [seen; 3]), "seen");
            sheet.push(&made[frame].picture, "plate");
            sheet.push(&clip.plate[frame], "truth");
            sheet.push(&error(&made[frame].picture, &clip.plate[frame]), "error x 4");
        }
        save_picture(&request.out.join(format!("stage-{name}.png")), &sheet.render())?;
        ran += 1;
    }
    println!("{}\n{}", still.row("all still"), moving.row("all moving"));
    Ok(ran)
}

fn hole(frame: &Picture, plate: &Picture, person: &Mask, object: &Mask) -> Mask {
    let changed = Mask::from_fn(frame.width(), frame.height(), |x, y| {
        let (a, b) = (frame.get(x, y), plate.get(x, y));
        let differs = (0..3).any(|channel| a[channel].abs_diff(b[channel]) > CHANGED);
        if differs || person.get(x, y) > 0 || object.get(x, y) > 0 { 255 } else { 0 }
    });
    grown(&changed, 4)
}
