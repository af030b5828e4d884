//! Tests source videos in many formats.

use stuntdouble_media::geometry::{Pts, Rate};
use stuntdouble_media::image_file::save_picture;
use stuntdouble_media::picture::Picture;
use stuntdouble_media::probe::{DecodeOptions, probe};
use stuntdouble_media::reader::FrameReader;
use stuntdouble_media::writer::{VideoSettings, VideoWriter};

use crate::bench::Bench;

#[test]
fn containers_give_the_same_pictures() {
    let Some(bench) = Bench::new() else { return };
    let expected = bench.frames(&bench.clip("a.mp4"));
    for name in ["a.mkv", "a.mov", "a.avi", "a.flv", "a.ts", "a.nut"] {
        let path = bench.make(&format!("-i a.mp4 -c copy {name}"));
        let frames = bench.frames(&path);
        assert_eq!(frames.len(), expected.len(), "{name}");
        let same = frames.iter().zip(&expected).all(|(a, b)| a.picture == b.picture);
        assert!(same, "{name} differs");
    }
}

#[test]
fn a_turned_video_is_upright() {
    let Some(bench) = Bench::new() else { return };
    bench.make("-f lavfi -i color=red:s=32x48:r=5:d=1 -f lavfi -i color=blue:s=32x48:r=5:d=1 -filter_complex hstack -c:v libx264 -pix_fmt yuv420p s.mp4");
    let mut bytes = std::fs::read(bench.path("s.mp4")).unwrap();
    let header = bytes.windows(4).position(|window| window == b"tkhd").unwrap();
    // The matrix of a quarter turn clockwise.
    let matrix = [0, 0x1_0000, 0, 0xffff_0000, 0, 0, 0, 0, 0x4000_0000_u32];
    let matrix: Vec<u8> = matrix.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes[header + 44..][..36].copy_from_slice(&matrix);
    let path = bench.write("turned.mp4", &bytes);
    let info = probe(&bench.ffmpeg, &path, &DecodeOptions::default()).unwrap();
    assert_eq!((info.coded, info.width, info.height, info.rotation), ((64, 48), 48, 64, 90));
    let picture = &bench.frames(&path)[0].picture;
    assert_eq!(picture.size(), (48, 64));
    assert!(picture.get(20, 10)[0] > 200 && picture.get(20, 50)[2] > 200, "{:?}", picture.get(20, 10));
}

#[test]
fn an_animated_gif_is_a_video_and_a_still_one_is_not() {
    let Some(bench) = Bench::new() else { return };
    let moving = bench.make("-f lavfi -i testsrc2=s=64x48:r=10:d=1 -vf scale=61:45 moving.gif");
    let frames = bench.frames(&moving);
    assert_eq!(
        frames.iter().map(|frame| frame.pts).collect::<Vec<_>>(),
        (0..10).map(|i| Pts(i * 100_000)).collect::<Vec<_>>()
    );
    assert_eq!(frames[0].picture.size(), (61, 45));
    let info = bench.open(&moving).unwrap().info().clone();
    assert_eq!((info.end, info.frame_count), (Some(Pts(1_000_000)), Some(10)));
    bench.convert(&moving, &bench.path("gif.mp4")).unwrap();
    assert_eq!(bench.times(&bench.path("gif.mp4")), bench.times(&moving));
    let still = bench.make("-f lavfi -i testsrc2=s=60x44:r=10:d=1 -frames:v 1 still.gif");
    assert_eq!(bench.open(&still).unwrap_err().code(), "video.is_image");
}

#[test]
fn a_folder_of_pictures_is_a_video() {
    let Some(bench) = Bench::new() else { return };
    for number in 0..4 {
        save_picture(&bench.path(&format!("{number:05}.png")), &Picture::filled(20, 10, [60 * number as u8; 3]))
            .unwrap();
    }
    let frames = bench.frames(bench.folder.path());
    assert_eq!(frames.iter().map(|frame| frame.pts.0).collect::<Vec<_>>(), [0, 40_000, 80_000, 120_000]);
    assert_eq!(frames[3].picture.get(0, 0), [180; 3]);
}

#[test]
fn high_dynamic_range_is_brought_to_eight_bits() {
    let Some(bench) = Bench::new() else { return };
    if !bench.ffmpeg.has_encoders(&["libx265"]).unwrap() {
        println!("skipped: this ffmpeg has no libx265");
        return;
    }
    let path = bench.make(
        "-f lavfi -i color=gray:s=64x48:r=5:d=1 -c:v libx265 -pix_fmt yuv420p10le \
         -x265-params colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=none hdr.mp4",
    );
    let opened = bench.open(&path);
    if !bench.ffmpeg.has_filters(&["zscale", "tonemap"]).unwrap() {
        assert_eq!(opened.unwrap_err().code(), "video.hdr_unsupported");
        return;
    }
    assert!(opened.unwrap().info().is_hdr());
    let frames = bench.frames(&path);
    assert_eq!(frames.len(), 5);
    // Middle grey of PQ is about 92 cd/m2: nearly white before tone mapping, and grey still.
    let [red, green, blue] = frames[2].picture.get(30, 20);
    assert!(red > 100 && red.abs_diff(green) < 4 && red.abs_diff(blue) < 4, "{:?}", [red, green, blue]);
}

#[test]
fn interlaced_pictures_are_made_whole() {
    let Some(bench) = Bench::new() else { return };
    // A bar that moves by 4 pixels from field to field: rows of one frame show it at two places.
    let source = "-f lavfi -i color=black:s=128x64:r=50:d=0.4 -f lavfi -i color=white:s=16x64:r=50:d=0.4";
    let filter = "[0][1]overlay=x=4*n:y=0,tinterlace=4,format=yuv420p";
    let path = bench.make(&format!(
        "{source} -filter_complex {filter} -c:v libx264 -qp 0 -flags +ilme+ildct -x264opts tff=1 i.mp4"
    ));
    let info = bench.open(&path).unwrap().info().clone();
    assert_eq!(info.interlaced, Some(stuntdouble_media::probe::FieldOrder::TopFirst));
    let combs = |keep_fields: bool| {
        let options = DecodeOptions { keep_fields, ..DecodeOptions::default() };
        let frames = FrameReader::open(&bench.ffmpeg, &path, &options).unwrap();
        let frames: Vec<_> = frames.map(|frame| frame.unwrap().picture).collect();
        let rows = |picture: &stuntdouble_media::picture::Picture| {
            let differs =
                |y: &usize| picture.row(*y).iter().zip(picture.row(y + 1)).any(|(a, b)| a[0].abs_diff(b[0]) > 90);
            (16..48).filter(differs).count()
        };
        (frames.len(), rows(&frames[5]))
    };
    let (whole, fields) = (combs(false), combs(true));
    assert_eq!((whole.0, fields.0), (10, 10));
    assert!(fields.1 > 28 && whole.1 < 4, "{whole:?} {fields:?}");
}

#[test]
fn what_editors_put_into_a_file_is_kept_or_named() {
    let Some(bench) = Bench::new() else { return };
    bench.clip("a.mp4");
    bench.write("s.srt", b"1\n00:00:00,100 --> 00:00:00,900\nHello\n");
    bench.write("m.txt", b";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=10\ntitle=One\n");
    let from = bench.make(
        "-i a.mp4 -i s.srt -i m.txt -map 0:v -map 0:a -map 0:a -map 1 -map_chapters 2 -c:v copy -c:a copy -c:s mov_text \
         -metadata:s:a:0 language=eng -metadata:s:a:1 language=ger -metadata creation_time=2026-01-02T03:04:05Z \
         -timecode 01:00:00:00 n.mov",
    );
    for name in ["o.mp4", "o.mov"] {
        let to = bench.path(name);
        bench.convert(&from, &to).unwrap();
        let said = bench.describe(&to);
        for part in
            ["(eng): Audio", "(ger): Audio", "Subtitle: mov_text", "Chapter #0:0", "2026-01-02T03:04:05", "01:00:00:00"]
        {
            assert!(said.contains(part), "{name}: no {part} in\n{said}");
        }
    }
    let settings = VideoSettings {
        audio_from: Some(from),
        ..VideoSettings::new(160, 120, Rate { numerator: 30, denominator: 1 })
    };
    let writer = VideoWriter::create(&bench.ffmpeg, &bench.path("o.mkv"), &settings).unwrap();
    assert_eq!(writer.not_kept(), ["subtitles in mov_text"]);
}

#[test]
fn the_sound_of_a_part_ends_with_its_pictures() {
    let Some(bench) = Bench::new() else { return };
    let from = bench.clip("a.mp4");
    let options = DecodeOptions { max_frames: Some(12), ..DecodeOptions::default() };
    let mut reader = FrameReader::open(&bench.ffmpeg, &from, &options).unwrap();
    let frames: Vec<_> = (&mut reader).map(|frame| frame.unwrap()).collect();
    let (end, info) = (reader.end(), reader.info().clone());
    let settings = VideoSettings { end, audio_from: Some(from), ends_early: true, ..VideoSettings::like(&info) };
    let to = bench.path("b.mp4");
    let mut writer = VideoWriter::create(&bench.ffmpeg, &to, &settings).unwrap();
    for frame in frames {
        writer.push(&frame.picture, frame.pts).unwrap();
    }
    writer.finish().unwrap();
    let said = bench.describe(&to);
    let duration: f64 = said.split("Duration: 00:00:").nth(1).unwrap()[..5].parse().unwrap();
    // 12 of 30 frames a second, and at most a packet more of sound.
    assert!((0.38..0.46).contains(&duration), "{said}");
}
