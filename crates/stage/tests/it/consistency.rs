//! Tests that the data of a clip are consistent with each other.

use stuntdouble_stage::{
    Assets, Backdrop, Clip, ClipSettings, ClipSpec, Exposure, Passes, Usage, render_clip, render_parts,
};

use crate::settings;

fn clips(seeds: std::ops::Range<u64>) -> Vec<(ClipSpec, Clip)> {
    let assets = Assets::procedural();
    seeds
        .map(|seed| {
            let spec = ClipSpec::draw(seed, &assets, &settings(64, 3)).unwrap();
            let clip = render_clip(&spec, &assets).unwrap();
            (spec, clip)
        })
        .collect()
}

#[test]
fn joints_in_space_project_onto_joints_in_the_picture() {
    for (spec, clip) in clips(0..6) {
        for takes in [Some(&clip.take), clip.swapped.as_ref()].into_iter().flatten() {
            for ((camera, joints), pose) in spec.cameras.iter().zip(&takes.joints).zip(&takes.poses) {
                for (place, point) in joints.iter().zip(&pose.body) {
                    let ([x, y], depth) = camera.project((spec.width, spec.height), *place);
                    assert!(depth > 0.05);
                    let apart = ((x - point.x) * (x - point.x) + (y - point.y) * (y - point.y)).sqrt();
                    assert!(apart < 0.5, "seed {}: {apart} px", spec.seed);
                }
                assert_eq!((pose.face.len(), pose.left_hand.len(), pose.right_hand.len()), (68, 21, 21));
                for point in pose.points() {
                    let finite = point.x.is_finite() && point.y.is_finite() && point.z.is_finite();
                    assert!(finite, "seed {}: {point:?}", spec.seed);
                }
            }
        }
    }
}

#[test]
fn masks_agree_with_distances() {
    let mut objects = 0;
    for (spec, clip) in clips(0..8) {
        for frame in 0..clip.take.frames.len() {
            let take = &clip.take;
            for index in 0..take.depth[frame].cells().len() {
                let (person, object) = (take.person[frame].cells()[index], take.object[frame].cells()[index]);
                let (depth, empty) = (take.depth[frame].cells()[index], clip.plate_depth[frame].cells()[index]);
                assert!(u16::from(person) + u16::from(object) <= 256, "seed {}", spec.seed);
                if person == 0 && object == 0 {
                    assert_eq!(depth, empty, "seed {} pixel {index}", spec.seed);
                } else if u16::from(person) + u16::from(object) >= 254 {
                    assert!(depth < empty + 0.3, "seed {} pixel {index}: {depth} behind {empty}", spec.seed);
                }
                objects += usize::from(object > 0);
            }
        }
    }
    assert!(objects > 0, "no clip shows a thing in the hand");
}

#[test]
fn a_picture_is_the_plate_and_the_character_in_proportion_to_the_mask() {
    // Rendered before two plain colours, the clip differs by the colours' difference where the mask lets them through.
    let assets = Assets::procedural();
    for seed in 0..4 {
        let mut spec = ClipSpec::draw(seed, &assets, &settings(48, 2)).unwrap();
        // Two things in front of each other in one pixel have no fixed proportion of coverage.
        (spec.furniture, spec.bystanders, spec.exposure) = (vec![], vec![], Exposure::default());
        let mut before = |colour: f32| {
            spec.scene.backdrop = Backdrop::Plain { colour: [colour; 3] };
            render_parts(&spec, &assets, Passes::CLIP).unwrap()
        };
        let (dark, bright) = (before(0.05), before(0.6));
        for frame in 0..2 {
            for index in 0..48 * 48 {
                let cell = |clip: &Clip| f32::from(clip.take.frames[frame].cells()[index][1]);
                let empty = |clip: &Clip| f32::from(clip.plate[frame].cells()[index][1]);
                let covered = f32::from(dark.take.person[frame].cells()[index])
                    + f32::from(dark.take.object[frame].cells()[index]);
                let through = (1.0 - covered / 255.0).max(0.0);
                let expected = (empty(&bright) - empty(&dark)) * through;
                let found = cell(&bright) - cell(&dark);
                assert!((found - expected).abs() <= 2.0, "seed {seed} pixel {index}: {found} for {expected}");
            }
        }
    }
}

#[test]
fn outside_the_character_a_scene_is_only_ever_darkened() {
    let (mut same, mut all) = (0usize, 0);
    for (spec, clip) in clips(8..14) {
        for frame in 0..clip.take.frames.len() {
            let plate = &clip.plate[frame];
            for index in 0..plate.cells().len() {
                let uncovered =
                    clip.take.person[frame].cells()[index] == 0 && clip.take.object[frame].cells()[index] == 0;
                let (seen, empty) = (clip.take.frames[frame].cells()[index], plate.cells()[index]);
                if uncovered {
                    assert!(seen.iter().zip(&empty).all(|(a, b)| a <= b), "seed {}: {seen:?} {empty:?}", spec.seed);
                    same += usize::from(seen == empty);
                }
            }
        }
        all += clip.plate.len() * clip.plate[0].cells().len();
    }
    assert!(same * 4 > all, "{same} of {all} pixels are the plate's");
}

#[test]
fn the_swapped_clip_shares_what_neither_body_nor_shadow_changes() {
    for (spec, clip) in clips(14..20) {
        let swapped = clip.swapped.as_ref().unwrap();
        assert_ne!(spec.person, *spec.swapped.as_ref().unwrap());
        let mut shared = 0usize;
        for frame in 0..clip.take.frames.len() {
            for index in 0..clip.plate[frame].cells().len() {
                let free = |take: &stuntdouble_stage::Take| {
                    take.person[frame].cells()[index] == 0 && take.object[frame].cells()[index] == 0
                };
                let (a, b) = (clip.take.frames[frame].cells()[index], swapped.frames[frame].cells()[index]);
                let plate = clip.plate[frame].cells()[index];
                if free(&clip.take) && free(swapped) {
                    // Either they are equal, or one of them is in shadow.
                    assert!(
                        a == b || a.iter().zip(&plate).any(|(a, p)| a < p) || b.iter().zip(&plate).any(|(b, p)| b < p)
                    );
                    shared += usize::from(a == b);
                }
            }
        }
        assert!(shared > 0, "seed {}", spec.seed);
    }
}

#[test]
fn the_person_is_large_enough_and_in_the_picture() {
    for (spec, clip) in clips(20..32) {
        for mask in &clip.take.person {
            let rows: Vec<usize> = (0..mask.height()).filter(|&y| mask.row(y).iter().any(|cell| *cell > 127)).collect();
            let height = rows.last().map_or(0, |last| last + 1 - rows[0]);
            assert!(height * 100 >= 15 * mask.height(), "seed {}: {height} of {} rows", spec.seed, mask.height());
        }
    }
}

/// Clips full of furniture and people.
fn crowded(seeds: std::ops::Range<u64>, blur: f32) -> Vec<(ClipSpec, Clip)> {
    let assets = Assets::procedural();
    let crowd = ClipSettings {
        furniture_share: 1.0,
        bystander_share: 0.5,
        blur_share: blur,
        noise_share: 0.5,
        references: 0,
        ..settings(64, 2)
    };
    seeds
        .map(|seed| {
            let spec = ClipSpec::draw(seed, &assets, &crowd).unwrap();
            let clip = render_clip(&spec, &assets).unwrap();
            (spec, clip)
        })
        .collect()
}

#[test]
fn what_hides_the_person_is_nearer_and_what_the_person_hides_is_farther() {
    let (mut before, mut behind, mut standing) = (0, 0, 0);
    for (spec, clip) in crowded(0..24, 0.0) {
        let take = &clip.take;
        standing += spec.furniture.len() + spec.bystanders.len();
        assert_eq!(take.scenery.len(), spec.furniture.len() + spec.bystanders.len());
        for frame in 0..take.frames.len() {
            for index in 0..take.person[frame].cells().len() {
                let cell = |mask: &media::picture::Mask| mask.cells()[index];
                let (person, whole) = (cell(&take.person[frame]), cell(&take.person_whole[frame]));
                let (depth, empty) = (take.depth[frame].cells()[index], clip.plate_depth[frame].cells()[index]);
                let scenery: u16 = take.scenery.iter().map(|list| u16::from(cell(&list[frame]))).sum();
                assert!(person <= whole, "seed {} pixel {index}: {person} of {whole}", spec.seed);
                assert!(
                    scenery + u16::from(person) + u16::from(cell(&take.object[frame])) <= 258,
                    "seed {}",
                    spec.seed
                );
                if whole == 255 && person == 0 && scenery >= 254 {
                    assert_eq!(depth, empty, "seed {} pixel {index}", spec.seed);
                    before += 1;
                }
                if person == 255 && clip.swapped.as_ref().unwrap().scenery.iter().any(|list| cell(&list[frame]) == 255)
                {
                    assert!(depth < empty, "seed {} pixel {index}: {depth} not before {empty}", spec.seed);
                    behind += 1;
                }
            }
        }
    }
    assert!(before > 50 && behind > 50 && standing > 24, "{before} hidden, {behind} hiding, {standing} standing");
}

#[test]
fn swapped_pairs_share_furniture_and_the_things_that_stand() {
    let (mut compared, mut things) = (0, 0);
    for (spec, clip) in crowded(24..44, 0.3) {
        let swapped = clip.swapped.as_ref().unwrap();
        let stands = spec.prop.as_ref().is_some_and(|used| {
            matches!(used.usage, Usage::Seat { .. } | Usage::Support { .. } | Usage::Near { .. } | Usage::Kicked { .. })
        });
        for frame in 0..swapped.frames.len() {
            for index in 0..swapped.person[frame].cells().len() {
                let cell = |mask: &media::picture::Mask| mask.cells()[index];
                let bodies = [&clip.take, swapped].map(|take| cell(&take.person_whole[frame]));
                let loads = [&clip.take, swapped].map(|take| cell(&take.object[frame]));
                if bodies == [0; 2] && (stands || loads == [0; 2]) {
                    for (a, b) in clip.take.scenery.iter().zip(&swapped.scenery) {
                        assert_eq!(cell(&a[frame]), cell(&b[frame]), "seed {} pixel {index}", spec.seed);
                        compared += usize::from(cell(&a[frame]) > 0);
                    }
                    if stands {
                        assert_eq!(loads[0], loads[1], "seed {} pixel {index}", spec.seed);
                        things += usize::from(loads[0] > 0);
                    }
                }
            }
        }
    }
    assert!(compared > 500 && things > 50, "{compared} cells of furniture, {things} of things");
}
