//! Tests files with pictures, masks and depth maps, and files that contain none.

use super::*;

#[test]
fn a_jpeg_is_nearly_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.jpg");
    let picture = gradient(40, 24);
    save_jpeg(&path, &picture, 90).unwrap();
    let read = load_picture(&path).unwrap();
    assert_eq!(read.size(), (40, 24));
    let apart = read.bytes().iter().zip(picture.bytes()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>();
    assert!(apart < 6 * picture.bytes().len() as u32, "{apart}");
    assert_eq!(std::fs::read(&path).unwrap()[..2], [0xff, 0xd8]);
}

fn gradient(width: usize, height: usize) -> Picture {
    Picture::from_fn(width, height, |x, y| [(x * 7) as u8, (y * 5) as u8, (x + y) as u8])
}

fn code(result: Result<Picture>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn pictures_masks_and_depth_come_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let picture = gradient(33, 17);
    save_picture(&path, &picture).unwrap();
    assert_eq!(load_picture(&path).unwrap(), picture);
    let mask = picture.map(|[red, ..]| red);
    save_mask(&path, &mask).unwrap();
    assert_eq!(load_mask(&path, Some((33, 17))).unwrap(), mask);
    let wrong = load_mask(&path, Some((33, 18))).unwrap_err();
    assert_eq!(wrong.code(), "image.wrong_size");
    let depth = Plane::from_fn(5, 4, |x, y| (x * 13_000 + y) as u16);
    save_depth(&path, &depth).unwrap();
    assert_eq!(load_depth(&path, None).unwrap(), depth);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn exif_orientation_turns_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jpg");
    let picture = Picture::from_fn(16, 8, |x, _| if x < 8 { [255, 0, 0] } else { [0, 0, 255] });
    // A TIFF block with one tag, orientation (0x0112) = 6: the first row is the right-hand side.
    let exif = b"II*\x00\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.write_image(picture.bytes(), 16, 8, ExtendedColorType::Rgb8).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let upright = load_picture(&path).unwrap();
    assert_eq!(upright.size(), (8, 16));
    assert!(upright.get(4, 1)[0] > 200 && upright.get(4, 14)[2] > 200, "{:?}", upright.get(4, 1));
}

#[test]
fn damaged_and_foreign_files_have_their_codes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    save_picture(&path, &gradient(64, 64)).unwrap();
    let png = std::fs::read(&path).unwrap();
    let mut jpeg = Vec::new();
    JpegEncoder::new(&mut jpeg).write_image(gradient(64, 64).bytes(), 64, 64, ExtendedColorType::Rgb8).unwrap();
    for whole in [png, jpeg] {
        std::fs::write(&path, &whole).unwrap();
        load_picture(&path).unwrap();
        for twentieth in 1..20 {
            std::fs::write(&path, &whole[..whole.len() * twentieth / 20]).unwrap();
            assert_eq!(code(load_picture(&path)), "image.damaged", "{twentieth}/20");
        }
    }
    for (bytes, expected) in [(&b""[..], "image.unsupported"), (b"text", "image.unsupported")] {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(code(load_picture(&path)), expected);
    }
    assert_eq!(code(load_picture(folder.path())), "input.unreadable");
    assert_eq!(code(load_picture(&folder.path().join("none.png"))), "input.unreadable");
}

#[test]
fn a_huge_header_is_refused_before_memory_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    save_picture(&path, &gradient(8, 8)).unwrap();
    let small = PictureLimits { max_pixels: 63, ..PictureLimits::default() };
    let refused = Still::load(&path, small, None).unwrap_err();
    assert_eq!(refused.code(), "image.too_large");
    assert!(refused.to_string().contains("8x8"), "{refused}");
}
