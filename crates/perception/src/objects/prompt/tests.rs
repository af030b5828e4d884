//! Tests the parsing of typed prompts.

use proptest::prelude::*;

use super::*;

#[test]
fn places_and_moments_are_read() {
    let point = |text: &str| text.parse::<PointPrompt>().map(|prompt| (prompt.x, prompt.y, prompt.at));
    assert_eq!(point("120,80"), Ok((120.0, 80.0, None)));
    assert_eq!(point("1.5, 2@1.5"), Ok((1.5, 2.0, Some(Moment::Seconds(1.5)))));
    assert_eq!(point("1,2@1.5s"), Ok((1.0, 2.0, Some(Moment::Seconds(1.5)))));
    assert_eq!(point("1,2@12f"), Ok((1.0, 2.0, Some(Moment::Frame(12)))));
    let area = "10,20,30,40@3f".parse::<BoxPrompt>().unwrap();
    assert_eq!((area.x, area.y, area.width, area.height, area.at), (10.0, 20.0, 30.0, 40.0, Some(Moment::Frame(3))));
}

#[test]
fn what_is_no_prompt_has_a_code_and_a_help_line() {
    let check = |text: &str, code: &str| {
        let error = text.parse::<PointPrompt>().unwrap_err();
        assert_eq!(error.code(), code, "{text}: {error}");
        assert!(!error.help().is_empty() && !error.to_string().ends_with('.'), "{error}");
    };
    check("", "prompt.shape");
    check("1", "prompt.shape");
    check("1,2,3", "prompt.shape");
    check("a,2", "prompt.number");
    check("-1,2", "prompt.number");
    check("1,nan", "prompt.number");
    check("1,inf", "prompt.number");
    check("1,", "prompt.number");
    check("1,1e9", "prompt.number");
    for moment in ["", "x", "-1", "1.5f", "f", "s", "1.5m", "nan", "1@2", "1e3"] {
        check(&format!("1,2@{moment}"), "prompt.moment");
    }
    assert_eq!("1,2,0,4".parse::<BoxPrompt>().unwrap_err().code(), "prompt.empty_box");
    assert_eq!("1,2,3".parse::<BoxPrompt>().unwrap_err().code(), "prompt.shape");
}

#[test]
fn a_time_means_the_nearest_frame() {
    // At 10 frames a second, 0.26 s is nearest to frame 3, 0.24 s to frame 2.
    let first = |seconds: f64| {
        let moment = Moment::Seconds(seconds).nearest(0.1);
        (0..10).find(|&index| moment.has_come(index, Pts(index as i64 * 100_000)))
    };
    assert_eq!(
        (first(0.26), first(0.24), first(0.0), first(0.94), first(0.96)),
        (Some(3), Some(2), Some(0), Some(9), None)
    );
    assert!(!Moment::Frame(3).has_come(2, Pts(9_000_000)) && Moment::Frame(3).has_come(3, Pts(0)));
}

#[test]
fn settings_hold_objects_as_they_are_typed() {
    let text = r#"{"point":"120,80@1.5s","not":["90,80","95,80@3f"]}"#;
    let prompt: ObjectPrompt = serde_json::from_str(text).unwrap();
    assert_eq!(prompt.target(), (Target::Point { x: 120.0, y: 80.0 }, Moment::Seconds(1.5)));
    assert_eq!(serde_json::to_string(&prompt).unwrap(), text);
    for wrong in [r#"{}"#, r#"{"point":"1,2","box":"1,2,3,4"}"#, r#"{"point":"1,2","knot":[]}"#, r#"{"point":"1;2"}"#] {
        assert!(serde_json::from_str::<ObjectPrompt>(wrong).is_err(), "{wrong}");
    }
    let pair: PointPrompt = serde_json::from_str("[1.5, 2]").unwrap();
    assert_eq!((pair.x, pair.y, pair.at), (1.5, 2.0, None));
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        x in 0.0_f32..5000.0,
        y in 0.0_f32..5000.0,
        frame in 0_usize..9999,
        seconds in 0.0_f64..9999.0,
        kind in 0_usize..3,
    ) {
        let at = [None, Some(Moment::Frame(frame)), Some(Moment::Seconds(seconds))][kind];
        let prompt = PointPrompt { x, y, at };
        prop_assert_eq!(prompt.to_string().parse::<PointPrompt>(), Ok(prompt));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,40}") {
        let _ = text.parse::<PointPrompt>();
        let _ = text.parse::<BoxPrompt>();
    }
}
