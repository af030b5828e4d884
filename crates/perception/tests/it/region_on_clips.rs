//! Tests the region of interest and the conditions on real clips.

use std::path::Path;

use media::geometry::{Frame, Rect};
use media::image_file::save_picture;
use stuntdouble_perception::composite::{CompositeConfig, composite};
use stuntdouble_perception::conditions::{ConditionsConfig, FrameSignals, inference_conditions};
use stuntdouble_perception::contact_sheet::{SheetFrame, contact_sheet, spread_rows};
use stuntdouble_perception::region::Region;
use stuntdouble_perception::region_path::{RegionConfig, person_box, plan_regions};

use crate::labelled_clip::LabelledClip;

/// The clips whose labels were inspected and found good.
const GOOD: [&str; 9] =
    ["basketball", "hivis-walk", "kite-surf", "moonwalk", "pose1", "snowboard", "squats", "surfing", "tennis"];

fn regions(clip: &LabelledClip) -> (Vec<Option<Rect<Frame>>>, Vec<Region>) {
    let frame = (clip.size.0 as u32, clip.size.1 as u32);
    let found = |index: usize| person_box(Some(&clip.person(index)), clip.poses[index].as_ref(), frame);
    let boxes: Vec<_> = (0..clip.poses.len()).map(found).collect();
    let regions = plan_regions(&boxes, frame, &RegionConfig::default());
    (boxes, regions)
}

#[test]
#[expect(clippy::print_stderr, reason = "the measured jumps are the result")]
fn the_region_follows_without_jumps() {
    for name in GOOD.into_iter().chain(["bath-tray", "bedroom", "cups", "onebyone-a", "store-aisle", "soapbox"]) {
        let Some(clip) = LabelledClip::load(name) else { return };
        let (boxes, regions) = regions(&clip);
        let jump = regions.windows(2).map(|pair| pair[0].jump(&pair[1])).fold(0.0, f32::max);
        let mean = |sides: Vec<f32>| sides.iter().sum::<f32>() / sides.len().max(1) as f32;
        let side = mean(regions.iter().map(|region| region.square.width as f32).collect());
        let person = mean(boxes.iter().flatten().map(|area| area.width.max(area.height) as f32).collect());
        let seen = boxes.iter().flatten().count();
        eprintln!("{name}: {seen} of {} frames, jump {jump:.3}, side {side:.0}, person {person:.0}", boxes.len());
        assert!(jump <= 0.15, "{name}: {jump}");
        for (region, area) in regions.iter().zip(&boxes) {
            let Some(area) = area else { continue };
            assert_eq!(region.square.intersection(area), *area, "{name}: {region:?} leaves {area:?}");
        }
    }
}

#[test]
fn conditions_and_paste_keep_what_they_must() {
    for name in ["basketball", "tennis", "squats"] {
        let Some(clip) = LabelledClip::load(name) else { return };
        let (_, regions) = regions(&clip);
        let rows = spread_rows(clip.poses.len(), 4);
        let pictures: Vec<_> = rows.iter().map(|&index| clip.picture(index)).collect();
        let people: Vec<_> = rows.iter().map(|&index| clip.person(index)).collect();
        let objects: Vec<Vec<_>> = rows.iter().map(|&index| clip.object(index).into_iter().collect()).collect();
        let crops: Vec<_> = (0..rows.len())
            .map(|row| {
                let signals = FrameSignals {
                    picture: &pictures[row],
                    person: &people[row],
                    pose: clip.poses[rows[row]].as_ref(),
                    depth: None,
                    objects: &objects[row],
                };
                signals.crop(regions[rows[row]], 256)
            })
            .collect();
        let conditions = inference_conditions(&crops, None, &ConditionsConfig::default());
        let sheet_rows: Vec<_> = (0..rows.len())
            .map(|row| SheetFrame {
                index: rows[row],
                picture: &pictures[row],
                person: &people[row],
                pose: clip.poses[rows[row]].as_ref(),
                region: regions[rows[row]],
                conditions: &conditions[row],
            })
            .collect();
        let sheet = contact_sheet(&format!("{name} (labels)"), &sheet_rows);
        save_picture(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sheet-{name}.png")), &sheet).unwrap();

        for row in 0..rows.len() {
            // The generated picture has one colour. The whole person must be gone, and the rest must equal the source.
            let green = pictures[row].map(|_| [0, 255, 0]);
            let composited = composite(
                &pictures[row],
                &green,
                regions[rows[row]],
                &conditions[row].mask,
                &CompositeConfig::default(),
            );
            let mut edited = 0;
            for (index, &person) in people[row].cells().iter().enumerate() {
                let (new, old) = (composited.picture.cells()[index], pictures[row].cells()[index]);
                match composited.edited.cells()[index] {
                    0 => assert_eq!(new, old, "{name}: {index} changed"),
                    _ => edited += 1,
                }
                assert!(person < 255 || new == [0, 255, 0], "{name}: the old person shows at {index}: {new:?}");
            }
            assert!(edited > 0, "{name}: nothing edited");
        }
    }
}
