use std::path::{Path, PathBuf};

use media::image_file::{load_mask, load_picture};

use super::*;
use crate::objects::prompt::Moment;
use crate::pose::Joint;
use crate::stream::perceive_frames;

/// The development data, if available.
fn shared() -> Option<PathBuf> {
    std::env::var_os("STUNTDOUBLE_SHARED").map(|folder| Path::new(&folder).join("data"))
}

fn models(data: &Path) -> PersonModels {
    let file = |name: &str| data.join("weights").join(name);
    PersonModels {
        detector: file("pose_detection.tflite"),
        landmarks: file("pose_landmark_lite.tflite"),
        hand: None,
        face: None,
        selfie: Some(file("selfie_segmentation.tflite")),
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "says that it ran fewer cases")]
fn a_tennis_player_is_followed_alike_each_time() {
    let Some(data) = shared() else {
        eprintln!("ran 0 real frames: STUNTDOUBLE_SHARED is not set");
        return;
    };
    let clip = data.join("clips/tennis");
    let look = || {
        let mut perceiver = Perceiver::open(&models(&data), PerceiverConfig::default()).unwrap();
        let signals = (0..3).map(|index| {
            let picture = load_picture(&clip.join(format!("frames/{index:05}.jpg"))).unwrap();
            perceiver.push(&picture, Pts(index * 41_667)).unwrap()
        });
        signals.collect::<Vec<_>>()
    };
    let (first, second) = (look(), look());
    for (index, (one, other)) in first.iter().zip(&second).enumerate() {
        assert_eq!((&one.pose, &one.person), (&other.pose, &other.person), "frame {index} differs");
        assert_eq!(one.is_new, index == 0);
        let label = load_mask(&clip.join(format!("person_mask/{index:05}.png")), Some(one.person.size())).unwrap();
        let count = |test: &dyn Fn(bool, bool) -> bool| {
            let pairs = one.person.cells().iter().zip(label.cells());
            pairs.filter(|(ours, label)| test(**ours > 127, **label > 127)).count() as f64
        };
        let overlap = count(&|ours, label| ours && label) / count(&|ours, label| ours || label);
        assert!(overlap > 0.8, "frame {index}: overlap {overlap}");
        let pose = one.pose.as_ref().unwrap();
        let (neck, ankle) = (pose.joint(Joint::Neck), pose.joint(Joint::RightAnkle));
        assert!(one.person.get(neck.x as usize, neck.y as usize) > 127 && ankle.y > neck.y);
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "says that it ran fewer cases")]
fn an_empty_scene_warns_and_a_frame_without_pixels_is_an_error() {
    let Some(data) = shared() else {
        eprintln!("ran 0 real frames: STUNTDOUBLE_SHARED is not set");
        return;
    };
    let person = Some(PersonChoice { x: 3.0, y: 3.0, at: Moment::default() });
    let config = PerceiverConfig { person, ..PerceiverConfig::default() };
    let mut perceiver = Perceiver::open(&models(&data), config).unwrap();
    let signals = perceiver.push(&Picture::filled(48, 32, [90, 120, 80]), Pts(0)).unwrap();
    assert_eq!(signals.warnings, [Warning::NobodyAtPoint, Warning::NoPerson]);
    assert!(signals.pose.is_none() && signals.person == Mask::filled(48, 32, 0));
    let error = perceiver.push(&Picture::filled(0, 0, [0; 3]), Pts(1)).unwrap_err();
    assert_eq!(error.code(), "perception.empty_frame");
}

#[test]
#[expect(clippy::print_stderr, reason = "says that it ran fewer cases")]
fn a_stream_gives_what_one_frame_after_another_gives() {
    let Some(data) = shared() else {
        eprintln!("ran 0 real frames: STUNTDOUBLE_SHARED is not set");
        return;
    };
    for effort in [Effort::Full, Effort::Quick] {
        let open =
            || Perceiver::open(&models(&data), PerceiverConfig { effort, ..PerceiverConfig::default() }).unwrap();
        let frames = || {
            (0..5).map(|index| {
                let path = data.join(format!("clips/tennis/frames/{index:05}.jpg"));
                Ok::<_, Error>((load_picture(&path).unwrap(), Pts(index * 41_667)))
            })
        };
        let mut one_by_one = open();
        let expected: Vec<_> = frames()
            .map(|frame| frame.and_then(|(picture, at)| one_by_one.push(&picture, at)).unwrap())
            .map(|seen| (seen.pose, seen.person))
            .collect();
        let mut found = Vec::new();
        perceive_frames(&mut open(), frames(), |frame| {
            assert_eq!((frame.index, frame.at), (found.len(), Pts(frame.index as i64 * 41_667)));
            found.push((frame.signals.pose, frame.signals.person));
            Ok(())
        })
        .unwrap();
        assert_eq!(found, expected, "{effort:?}");
        // A consumer that needs no more frames ends the stream.
        let mut taken = 0;
        let stopped = perceive_frames(&mut open(), frames(), |_| {
            taken += 1;
            if taken == 2 { Err(Error::FrameEmpty { width: 0, height: 0 }) } else { Ok(()) }
        });
        assert_eq!((stopped.unwrap_err().code(), taken), ("perception.empty_frame", 2));
    }
}
