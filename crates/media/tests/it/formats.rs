//! Source videos of many formats.

use media::geometry::Pts;
use media::image_file::save_picture;
use media::picture::Picture;
use media::probe::{DecodeOptions, probe};

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
