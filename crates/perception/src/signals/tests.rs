use super::*;
use crate::pose::{Joint, Keypoint};
use proptest::prelude::*;
use std::fs;

fn pose(x: f32) -> Pose {
    let mut pose = Pose::default();
    for (index, joint) in pose.body.iter_mut().enumerate() {
        *joint = Keypoint { x: x + index as f32, y: index as f32 / 3.0, z: -0.1, confidence: 0.9 };
    }
    pose.left_hand = vec![Keypoint { x, y: 1.0, z: 0.0, confidence: 0.5 }; 21];
    pose
}

fn folder() -> (tempfile::TempDir, SignalsFolder) {
    let root = tempfile::tempdir().unwrap();
    let signals = SignalsFolder::new(root.path().join("signals"), 3, (8, 6));
    (root, signals)
}

fn code<T: std::fmt::Debug>(result: Result<T, SignalsError>) -> &'static str {
    let error = result.unwrap_err();
    assert!(!error.help().is_empty() && !error.to_string().is_empty());
    error.code()
}

fn masks(signals: &SignalsFolder) {
    for index in 0..3 {
        signals.save_person(index, &Mask::from_fn(8, 6, |x, y| (30 * x + 5 * y + index) as u8)).unwrap();
    }
}

#[test]
fn everything_comes_back_as_it_was() {
    let (_root, signals) = folder();
    assert_eq!(code(signals.check()), "signals.empty");
    masks(&signals);
    let poses = vec![Some(pose(1.5)), None, Some(pose(-3.25))];
    signals.save_poses(poses.clone()).unwrap();
    for index in 0..3 {
        signals.save_object(1, index, &Mask::filled(8, 6, 9)).unwrap();
        signals.save_object(2, index, &Mask::filled(8, 6, index as u8)).unwrap();
        signals.save_depth(index, &DepthMap::from_fn(8, 6, |x, _| x as f32 / 7.0)).unwrap();
    }
    signals.check().unwrap();
    assert_eq!(signals.poses().unwrap(), Some(poses));
    assert_eq!(signals.person(1).unwrap().unwrap().get(2, 3), 76);
    assert_eq!(signals.object_count(), 2);
    assert_eq!(signals.objects(2).unwrap()[1].get(0, 0), 2);
    let depth = signals.depth(0).unwrap().unwrap();
    assert_eq!((depth.get(0, 0), depth.get(7, 5)), (0.0, 1.0));
    assert!((depth.get(3, 0) - 3.0 / 7.0).abs() < 1e-5);
}

#[test]
fn absent_signals_are_left_to_perception() {
    let (_root, signals) = folder();
    assert!(signals.poses().unwrap().is_none() && signals.person(0).unwrap().is_none());
    assert!(signals.depth(0).unwrap().is_none() && signals.objects(0).unwrap().is_empty());
}

#[test]
fn tiny_depth_stays_known_and_nonsense_becomes_unknown() {
    let (_root, signals) = folder();
    let cells = [1e-9, f32::NAN, -1.0, 2.0].into_iter().cycle().take(48).collect();
    signals.save_depth(0, &DepthMap::from_cells(8, 6, cells)).unwrap();
    let depth = signals.depth(0).unwrap().unwrap();
    assert!(depth.get(0, 0) > 0.0);
    assert_eq!(&depth.row(0)[1..4], [0.0, 0.0, 1.0]);
}

#[test]
fn wrong_masks_are_named() {
    let (_root, signals) = folder();
    masks(&signals);
    assert_eq!(code(SignalsFolder::new(signals.root(), 3, (9, 6)).check()), "signals.size_mismatch");
    assert_eq!(code(SignalsFolder::new(signals.root(), 4, (8, 6)).check()), "signals.missing_frame");
    assert_eq!(code(SignalsFolder::new(signals.root(), 2, (8, 6)).check()), "signals.frame_count");
    fs::remove_file(signals.root().join("person/000001.png")).unwrap();
    assert_eq!(code(signals.check()), "signals.missing_frame");
    assert_eq!(code(signals.person(1)), "signals.missing_frame");
    let whole = fs::read(signals.root().join("person/000000.png")).unwrap();
    fs::write(signals.root().join("person/000000.png"), &whole[..whole.len() / 2]).unwrap();
    assert_eq!(code(signals.person(0)), "image.damaged");
}

#[test]
fn wrong_pose_files_are_named() {
    let (_root, signals) = folder();
    let check = |text: &str, expected: &str| {
        fs::create_dir_all(signals.root()).unwrap();
        fs::write(signals.root().join("pose.json"), text).unwrap();
        assert_eq!(code(signals.check()), expected, "{text}");
    };
    signals.save_poses(vec![Some(pose(1.0)), None, None]).unwrap();
    let good = fs::read_to_string(signals.root().join("pose.json")).unwrap();
    for cut in 0..good.len() / 40 {
        check(&good[..40 * cut], "signals.malformed_pose");
    }
    check("[1, 2]", "signals.malformed_pose");
    check(&good.replace("pose-1", "pose-9"), "signals.malformed_pose");
    check(&good.replacen("0.9", "NaN", 1), "signals.malformed_pose");
    check(&good.replacen("0.9", "1e39", 1), "signals.non_finite");
    check(&good.replacen("\"width\":8", "\"width\":9", 1), "signals.size_mismatch");
    check(&good.replacen(",\nnull", "", 1), "signals.frame_count");
    let short = Pose { left_hand: vec![Keypoint::default(); 20], ..Pose::default() };
    assert_eq!(code(signals.save_poses(vec![Some(short)])), "signals.point_count");
    let mut lost = Pose::default();
    lost.body[3].x = f32::INFINITY;
    assert_eq!(code(signals.save_poses(vec![Some(lost)])), "signals.non_finite");
}

fn openpose(lists: &[(&str, Vec<f32>)]) -> String {
    let body: Vec<String> = lists.iter().map(|(name, numbers)| format!("\"{name}\":{numbers:?}")).collect();
    format!("{{{}}}", body.join(","))
}

fn person(joints: usize, x: f32, confidence: f32) -> Vec<f32> {
    (0..joints).flat_map(|index| [x + index as f32, 100.0 + index as f32, confidence]).collect()
}

#[test]
fn openpose_files_of_both_body_models_are_read() {
    let (_root, signals) = folder();
    let write = |index: usize, people: &[String]| {
        let folder = signals.root().join("openpose");
        fs::create_dir_all(&folder).unwrap();
        let text = format!("{{\"version\":1.3,\"people\":[{}]}}", people.join(","));
        fs::write(folder.join(format!("take_{index:012}_keypoints.json")), text).unwrap();
    };
    let body = |joints, x, confidence| openpose(&[("pose_keypoints_2d", person(joints, x, confidence))]);
    // The most certain person of the first frame, then the nearest one, even if another is more certain.
    write(0, &[body(25, 500.0, 0.4), body(25, 10.0, 0.9)]);
    write(1, &[body(18, 480.0, 1.0), body(18, 14.0, 0.5)]);
    let face = ("face_keypoints_2d", person(70, 0.0, 1.0));
    let hands = [("hand_left_keypoints_2d", person(21, 3.0, 1.0)), ("hand_right_keypoints_2d", vec![0.0; 63])];
    let [left, right] = hands;
    write(2, &[openpose(&[("pose_keypoints_2d", person(25, 11.0, 0.9)), face, left, right])]);
    let poses = signals.poses().unwrap().unwrap();
    let first = poses[0].as_ref().unwrap();
    assert_eq!(first.joint(Joint::LeftWrist).x, 10.0 + 7.0);
    // BODY_25 has the middle of the hips at 8, so the right hip is its joint 9 and the left ear its joint 18.
    assert_eq!((first.joint(Joint::RightHip).x, first.joint(Joint::LeftEar).x), (19.0, 28.0));
    let second = poses[1].as_ref().unwrap();
    assert_eq!((second.joint(Joint::RightHip).x, second.joint(Joint::Nose).confidence), (14.0 + 8.0, 0.5));
    let third = poses[2].as_ref().unwrap();
    assert_eq!((third.face.len(), third.left_hand.len(), third.right_hand.len()), (68, 21, 0));
    signals.check().unwrap();

    write(1, &[]);
    assert_eq!(signals.poses().unwrap().unwrap()[1], None);
    write(1, &[body(19, 0.0, 1.0)]);
    assert_eq!(code(signals.poses()), "signals.point_count");
    write(1, &["{\"pose\":3}".to_owned()]);
    assert_eq!(code(signals.poses()), "signals.malformed_pose");
    assert_eq!(code(SignalsFolder::new(signals.root(), 4, (8, 6)).poses()), "signals.frame_count");
}

proptest! {
    #[test]
    fn any_bytes_give_poses_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (_root, signals) = folder();
        fs::create_dir_all(signals.root()).unwrap();
        fs::write(signals.root().join("pose.json"), &bytes).unwrap();
        prop_assert!(signals.check().is_err());
    }
}
