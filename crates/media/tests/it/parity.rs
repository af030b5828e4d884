//! Compares resizing with values from Pillow (`STUNTDOUBLE_SHARED`/fixtures).

use std::path::PathBuf;

use safetensors::SafeTensors;
use stuntdouble_media::picture::Picture;
use stuntdouble_media::resize::{Filter, resize_picture};

fn fixture(name: &str) -> Option<Vec<u8>> {
    let Some(shared) = std::env::var_os("STUNTDOUBLE_SHARED") else {
        println!("skipped: `STUNTDOUBLE_SHARED` is not set");
        return None;
    };
    Some(std::fs::read(PathBuf::from(shared).join("fixtures").join(name)).unwrap())
}

fn picture(tensors: &SafeTensors<'_>, name: &str) -> Picture {
    let tensor = tensors.tensor(name).unwrap();
    let [height, width, 3] = tensor.shape() else { panic!("{name}: {:?}", tensor.shape()) };
    Picture::from_bytes(*width, *height, tensor.data())
}

#[test]
fn resizing_equals_pillow() {
    let Some(bytes) = fixture("pil_resize.safetensors") else { return };
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let input = picture(&tensors, "in.image");
    let mut checked = 0;
    for name in tensors.names().into_iter().filter(|name| name.starts_with("out.")) {
        let expected = picture(&tensors, name);
        let filter = match &name[4..] {
            rest if rest.starts_with("bicubic") => Filter::Bicubic,
            rest if rest.starts_with("bilinear") => Filter::Bilinear,
            rest if rest.starts_with("lanczos") => Filter::Lanczos,
            rest => panic!("unknown filter in {rest}"),
        };
        let found = resize_picture(&input, expected.width(), expected.height(), filter);
        assert!(found == expected, "{name} differs");
        checked += 1;
    }
    assert!(checked >= 6, "only {checked} outputs");
}

#[test]
fn the_reference_picture_is_prepared_as_in_the_original() {
    let Some(bytes) = fixture("vae_preprocess.safetensors") else { return };
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let input = picture(&tensors, "in.image");
    let tensor = tensors.tensor("out.pose").unwrap();
    let [1, 3, height, width] = *tensor.shape() else { panic!("{:?}", tensor.shape()) };
    let resized = resize_picture(&input, width, height, Filter::Lanczos);
    for (index, bytes) in tensor.data().as_chunks::<4>().0.iter().enumerate() {
        let (channel, y, x) = (index / (width * height), index / width % height, index % width);
        let (found, expected) = (f32::from(resized.get(x, y)[channel]) / 255.0, f32::from_le_bytes(*bytes));
        assert!((found - expected).abs() < 1e-6, "{index}: {found} {expected}");
    }
}
