use super::*;
use crate::mask::block_mask;
use crate::pose::{Joint, Keypoint};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const SIZE: usize = 64;

fn block(x: std::ops::Range<usize>, y: std::ops::Range<usize>) -> Mask {
    Mask::from_fn(SIZE, SIZE, |column, row| if x.contains(&column) && y.contains(&row) { 255 } else { 0 })
}

/// A red person of 16 x 40 pixels beside a blue ball, before a green ground.
fn frame() -> CropSignals {
    let (person, ball) = (block(24..40, 16..56), block(40..46, 30..36));
    let picture = Picture::from_fn(SIZE, SIZE, |x, y| match (person.get(x, y), ball.get(x, y)) {
        (255, _) => [200, 0, 0],
        (_, 255) => [0, 0, 200],
        _ => [0, (x * 3) as u8, 7],
    });
    let mut pose = Pose::default();
    pose.body[Joint::Neck as usize] = Keypoint { x: 32.0, y: 20.0, z: -4.0, confidence: 1.0 };
    pose.body[Joint::LeftHip as usize] = Keypoint { x: 32.0, y: 40.0, z: 4.0, confidence: 1.0 };
    CropSignals { picture, person, pose: Some(pose), depth: None, objects: vec![ball] }
}

fn plate() -> Picture {
    Picture::from_fn(SIZE, SIZE, |x, _| [0, (x * 3) as u8, 7])
}

#[test]
fn inference_removes_the_person_and_keeps_the_rest() {
    let frame = frame();
    let made = &inference_conditions(std::slice::from_ref(&frame), None, &ConditionsConfig::default())[0];
    assert_eq!(made.mask, block_mask(&frame.person, Blocks { rows: 4, columns: 2 }));
    for (index, &pixel) in made.environment.cells().iter().enumerate() {
        let kept = made.mask.cells()[index] == 0;
        assert_eq!(pixel, if kept { frame.picture.cells()[index] } else { [0; 3] });
    }
    let object = made.object.as_ref().unwrap();
    assert_eq!((object.get(42, 32), object.get(32, 32), object.get(2, 2)), ([0, 0, 200], [0; 3], [0; 3]));
    assert_eq!(made.skeleton.get(32, 30), [0, 153, 153]);
    assert_eq!(made.depth.get(31, 19), 1.0);
    assert_eq!(made.depth.get(2, 2), 0.0);
    let grey = ConditionsConfig { fill: Fill::Grey, ..ConditionsConfig::default() };
    assert_eq!(inference_conditions(&[frame], None, &grey)[0].environment.get(32, 32), [128; 3]);
}

#[test]
fn nobody_and_no_object_give_the_whole_frame() {
    let nobody = CropSignals { person: Mask::filled(SIZE, SIZE, 0), pose: None, objects: Vec::new(), ..frame() };
    let made = &inference_conditions(&[nobody], None, &ConditionsConfig::default())[0];
    assert_eq!(made.environment, frame().picture);
    assert!(made.object.is_none() && made.depth.cells().iter().all(|&cell| cell == 0.0));
    // An object that is not visible in one frame of the clip gives a black picture there, not an absent one.
    let gone = CropSignals { objects: vec![Mask::filled(SIZE, SIZE, 0)], ..frame() };
    let made = inference_conditions(&[frame(), gone], None, &ConditionsConfig::default());
    assert!(made[1].object.as_ref().unwrap().cells().iter().all(|&pixel| pixel == [0; 3]));
}

#[test]
fn a_given_span_holds_over_clips() {
    let span = DepthSpan { farthest: -4.0, nearest: 12.0 };
    let made = &inference_conditions(&[frame()], Some(span), &ConditionsConfig::default())[0];
    assert!((made.depth.get(31, 19) - 0.55).abs() < 1e-6, "{}", made.depth.get(31, 19));
}

fn clip(plates: bool) -> TrainingClip {
    let plates = plates.then(|| vec![plate(); 3]);
    TrainingClip { frames: vec![frame(); 3], plates, visible: Rect::of_size(SIZE as u32, SIZE as u32) }
}

#[test]
fn training_scales_the_target_and_removes_the_unscaled() {
    let mut seen = [false; 2];
    for seed in 0..12 {
        let made = training_conditions(&clip(true), &ConditionsConfig::default(), &mut ChaCha8Rng::seed_from_u64(seed));
        let person = block_mask(&frame().person, made.blocks);
        let red = |picture: &Picture| picture.cells().iter().filter(|pixel| pixel[0] > 100).count() as f32;
        for (conditions, target) in made.conditions.iter().zip(&made.targets) {
            // The mask is the unscaled person's and the old ball's, the environment the unscaled frame's.
            let mut mask = person.clone();
            for (index, value) in
                block_mask(&frame().objects[0], Blocks { rows: 1, columns: 1 }).cells().iter().enumerate()
            {
                mask.cells_mut()[index] = mask.cells()[index].max(*value);
            }
            assert_eq!(conditions.mask, mask);
            assert_eq!(conditions.environment, without(&frame().picture, &mask, Fill::Black));
            // The person of the target has the drawn area, on the plate.
            let share = red(target) / (16.0 * 40.0) / (made.scale * made.scale);
            assert!((share - 1.0).abs() < 0.12, "scale {}: {share}", made.scale);
            assert_eq!(target.get(2, 2), plate().get(2, 2));
            // The object in the condition is the target's.
            let object = conditions.object.as_ref().unwrap();
            let both = object.cells().iter().zip(target.cells());
            assert!(both.into_iter().all(|(object, target)| *object == [0; 3] || object == target));
        }
        assert!(made.left_over.iter().all(|mask| mask.cells().iter().all(|&value| value == 0)));
        assert!((0.8..=1.25).contains(&made.scale));
        seen[usize::from(made.scale > 1.0)] = true;
    }
    assert_eq!(seen, [true; 2]);
}

#[test]
fn training_without_a_plate_covers_the_old_person() {
    for seed in 0..6 {
        let made =
            training_conditions(&clip(false), &ConditionsConfig::default(), &mut ChaCha8Rng::seed_from_u64(seed));
        assert!((1.0..=1.25).contains(&made.scale));
        let person = frame().person;
        let still = made.targets[0].cells().iter().zip(person.cells()).filter(|&(_, &of)| of > 0);
        assert!(still.into_iter().all(|(pixel, _)| pixel[0] > 100), "scale {}", made.scale);
        // Reported as left over: at most the ball's old place.
        for (index, &value) in made.left_over[0].cells().iter().enumerate() {
            assert!(value == 0 || frame().objects[0].cells()[index] > 0, "{index}");
        }
    }
}

#[test]
fn training_without_scale_is_the_frame_itself_and_the_same_seed_the_same_clip() {
    let config = ConditionsConfig { scale: ScaleAugmentation::off(), ..ConditionsConfig::default() };
    let made = training_conditions(&clip(true), &config, &mut ChaCha8Rng::seed_from_u64(5));
    assert_eq!(made.targets, vec![frame().picture; 3]);
    assert_eq!(made.conditions[0].mask, block_mask(&frame().person, made.blocks));
    let again = training_conditions(&clip(true), &config, &mut ChaCha8Rng::seed_from_u64(5));
    assert_eq!(made.conditions, again.conditions);
}

#[test]
fn a_frame_is_cut_to_the_region() {
    let frame = frame();
    let pose = frame.pose.clone().unwrap();
    let depth = DepthMap::filled(SIZE, SIZE, 0.5);
    let signals = FrameSignals {
        picture: &frame.picture,
        person: &frame.person,
        pose: Some(&pose),
        depth: Some(&depth),
        objects: &frame.objects,
    };
    let crop = signals.crop(Region { square: Rect::new(16, 16, 32, 32) }, 64);
    assert_eq!(
        bounding_box::<Crop>(&crop.person.map(|value| if value > 127 { 255 } else { 0 })),
        Some(Rect::new(16, 0, 32, 64))
    );
    assert_eq!(crop.pose.unwrap().joint(Joint::Neck), Keypoint { x: 32.0, y: 8.0, z: -8.0, confidence: 1.0 });
    assert_eq!((crop.picture.get(32, 32), crop.objects.len(), crop.depth.unwrap().get(9, 9)), ([200, 0, 0], 1, 0.5));
}
