//! Converts the colours of a picture file to sRGB, according to its embedded ICC profile or the chunks of a PNG file.
//!
//! An unreadable profile counts as sRGB, as in every viewer. If the profile is for another colour model than that of
//! the decoded pixels, such as a CMYK profile with RGB pixels, the pixels also count as sRGB.

use std::sync::Arc;

use image::DynamicImage;
use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, RenderingIntent, ToneReprCurve, TransferCharacteristics, Transform16BitExecutor,
    TransformOptions, XyY,
};

/// Number of pixels converted at once.
const BLOCK: usize = 4096;
/// Colours of 16 bits that differ by no more than this are alike: three quarters of one of 256 steps.
const ALIKE: u16 = 192;
/// Levels of each colour at which a transform is tested.
const LEVELS: u16 = 8;

/// Converts the picture to sRGB if the file has a profile.
pub(crate) fn to_srgb(image: DynamicImage, bytes: &[u8], icc: Option<&[u8]>) -> DynamicImage {
    let embedded = icc.and_then(|icc| ColorProfile::new_from_slice(icc).ok());
    match embedded.or_else(|| profile_of_png(bytes)) {
        Some(profile) => converted(image, &profile),
        None => image,
    }
}

/// Converts the picture to sRGB from code points of ITU-T H.273. All transfer functions of standard range are treated
/// as sRGB, as viewers do. Pictures of high dynamic range stay unchanged.
pub(crate) fn numbers_to_srgb(image: DynamicImage, primaries: u8, transfer: u8) -> DynamicImage {
    if matches!(primaries, 1 | 2) || matches!(transfer, 16 | 18) {
        return image;
    }
    match profile_of_numbers(primaries, 13) {
        Some(profile) => converted(image, &profile),
        None => image,
    }
}

fn converted(image: DynamicImage, profile: &ColorProfile) -> DynamicImage {
    let Some(transform) = Transform::new(profile, image.color().has_color()) else { return image };
    let is_wide = image.color().bits_per_pixel() / u16::from(image.color().channel_count()) > 8;
    let (widen, narrow) = (|value: u8| u16::from(value) * 257, |value: u16| ((u32::from(value) + 128) / 257) as u8);
    match (is_wide, image.color().has_alpha()) {
        (false, false) => {
            let mut picture = image.into_rgb8();
            transform.apply(&mut picture, 3, widen, narrow);
            picture.into()
        }
        (false, true) => {
            let mut picture = image.into_rgba8();
            transform.apply(&mut picture, 4, widen, narrow);
            picture.into()
        }
        (true, false) => {
            let mut picture = image.into_rgb16();
            transform.apply(&mut picture, 3, |value| value, |value| value);
            picture.into()
        }
        (true, true) => {
            let mut picture = image.into_rgba16();
            transform.apply(&mut picture, 4, |value| value, |value| value);
            picture.into()
        }
    }
}

/// A colour conversion that changes something.
struct Transform {
    executor: Arc<Transform16BitExecutor>,
    /// Colours of the source: 1 for grey, 3 for red, green and blue.
    sources: usize,
}

impl Transform {
    /// None when the profile does not fit the picture, or means sRGB.
    fn new(profile: &ColorProfile, is_colour: bool) -> Option<Self> {
        let (layout, sources) = match profile.color_space {
            DataColorSpace::Rgb => (Layout::Rgb, 3),
            DataColorSpace::Gray if !is_colour => (Layout::Gray, 1),
            _ => return None,
        };
        let options =
            TransformOptions { rendering_intent: RenderingIntent::RelativeColorimetric, ..TransformOptions::default() };
        let srgb = ColorProfile::new_srgb();
        let executor = profile.create_transform_16bit(layout, &srgb, Layout::Rgb, options).ok()?;
        let transform = Self { executor, sources };
        let level = |step: u16| step * (u16::MAX / (LEVELS - 1));
        let count = LEVELS.pow(3);
        let tried: Vec<u16> =
            (0..count).flat_map(|at| [at % LEVELS, at / LEVELS % LEVELS, at / LEVELS / LEVELS].map(level)).collect();
        // A grey picture contains only greys.
        let tried = if is_colour { tried } else { (0..LEVELS).flat_map(|step| [level(step); 3]).collect() };
        let mut changed = tried.clone();
        transform.apply(&mut changed, 3, |value| value, |value| value);
        tried.iter().zip(&changed).any(|(one, other)| one.abs_diff(*other) > ALIKE).then_some(transform)
    }

    /// Converts the first three of the `channels` values of each pixel.
    fn apply<S: Copy>(&self, samples: &mut [S], channels: usize, widen: impl Fn(S) -> u16, narrow: impl Fn(u16) -> S) {
        let (mut source, mut target) = (vec![], vec![]);
        for block in samples.chunks_mut(BLOCK * channels) {
            source.clear();
            for pixel in block.chunks_exact(channels) {
                source.extend(pixel[..self.sources].iter().map(|value| widen(*value)));
            }
            target.resize(source.len() / self.sources * 3, 0);
            // The only error is a mismatch of lengths.
            if self.executor.transform(&source, &mut target).is_err() {
                return;
            }
            for (pixel, changed) in block.chunks_exact_mut(channels).zip(target.as_chunks::<3>().0) {
                pixel.iter_mut().zip(changed).for_each(|(value, changed)| *value = narrow(*changed));
            }
        }
    }
}

/// Reads the colour chunks of a PNG file that come before its data: `cICP`, else `sRGB` (which needs no conversion),
/// else `gAMA` and `cHRM`.
fn profile_of_png(bytes: &[u8]) -> Option<ColorProfile> {
    let mut rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let (mut gamma, mut places) = (None, None);
    loop {
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        let name = rest.get(4..8)?;
        let data = rest.get(8..8_usize.checked_add(length)?)?;
        match name {
            b"cICP" => {
                let &[primaries, transfer, ..] = data else { return None };
                return profile_of_numbers(primaries, transfer);
            }
            b"sRGB" => return None,
            b"gAMA" => gamma = numbers::<1>(data).map(|[gamma]| gamma),
            b"cHRM" => places = numbers::<8>(data),
            b"IDAT" | b"IEND" => break,
            _ => {}
        }
        rest = rest.get(length.checked_add(12)?..)?;
    }
    let mut profile = ColorProfile::new_srgb();
    // Otherwise the profile's own number for the curve would override ours.
    profile.cicp = None;
    if let Some([white_x, white_y, red_x, red_y, green_x, green_y, blue_x, blue_y]) = places {
        let place = |x: f64, y: f64| Chromaticity::new(x as f32, y as f32);
        let (red, green, blue) = (place(red_x, red_y), place(green_x, green_y), place(blue_x, blue_y));
        let white = XyY { x: white_x, y: white_y, yb: 1.0 };
        profile.update_rgb_colorimetry(white, ColorPrimaries { red, green, blue });
    }
    if let Some(gamma) = gamma {
        // Writers that mean sRGB write 1/2.2.
        if (gamma - 1.0 / 2.2).abs() > 0.005 {
            let curve = Some(ToneReprCurve::Parametric(vec![1.0 / gamma as f32]));
            (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
        }
    }
    (gamma.is_some() || places.is_some()).then_some(profile)
}

/// Numbers of a PNG chunk in units of 1/100000, all above zero.
fn numbers<const N: usize>(data: &[u8]) -> Option<[f64; N]> {
    let words = data.as_chunks::<4>().0;
    let values: [[u8; 4]; N] = words.try_into().ok()?;
    let values = values.map(|word| f64::from(u32::from_be_bytes(word)) / 100_000.0);
    values.iter().all(|value| *value > 0.0 && *value < 20.0).then_some(values)
}

/// The colour space of ITU-T H.273 code points.
fn profile_of_numbers(primaries: u8, transfer: u8) -> Option<ColorProfile> {
    // sRGB itself.
    if (primaries, transfer) == (1, 13) {
        return None;
    }
    Some(ColorProfile::new_from_cicp(CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    }))
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::codecs::png::PngEncoder;
    use image::codecs::webp::WebPEncoder;
    use image::{ExtendedColorType, ImageEncoder};

    use super::*;
    use crate::image_file::load_picture;

    /// A profile that swaps red and blue.
    fn red_is_blue() -> Vec<u8> {
        let mut profile = ColorProfile::new_srgb();
        (profile.red_colorant, profile.blue_colorant) = (profile.blue_colorant, profile.red_colorant);
        profile.encode().unwrap()
    }

    fn loaded(bytes: &[u8]) -> [u8; 3] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, bytes).unwrap();
        load_picture(&path).unwrap().get(3, 3)
    }

    #[test]
    fn embedded_profiles_are_honoured() {
        let red = [[220, 30, 30]; 64].concat();
        let check = |bytes: &[u8], is_blue: bool| {
            let [r, _, b] = loaded(bytes);
            assert_eq!((b > 200, r < 60), (is_blue, is_blue), "{r} {b}");
        };
        for icc in [Some(red_is_blue()), Some(b"not a profile".to_vec()), None] {
            let is_blue = icc.as_ref().is_some_and(|icc| icc.len() > 100);
            let icc = icc.unwrap_or_else(|| ColorProfile::new_srgb().encode().unwrap());
            let mut png = vec![];
            let mut encoder = PngEncoder::new(&mut png);
            encoder.set_icc_profile(icc.clone()).unwrap();
            encoder.write_image(&red, 8, 8, ExtendedColorType::Rgb8).unwrap();
            check(&png, is_blue);
            let mut jpeg = vec![];
            let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 95);
            encoder.set_icc_profile(icc.clone()).unwrap();
            encoder.write_image(&red, 8, 8, ExtendedColorType::Rgb8).unwrap();
            check(&jpeg, is_blue);
            let mut webp = vec![];
            let mut encoder = WebPEncoder::new_lossless(&mut webp);
            encoder.set_icc_profile(icc).unwrap();
            encoder.write_image(&red, 8, 8, ExtendedColorType::Rgb8).unwrap();
            check(&webp, is_blue);
        }
    }

    /// A PNG of one colour with chunks in front of its data.
    fn png(colour: ExtendedColorType, pixels: &[u8], chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut whole = vec![];
        PngEncoder::new(&mut whole).write_image(pixels, 8, 8, colour).unwrap();
        // The signature and the header.
        let data = whole.split_off(8 + 25);
        for (name, bytes) in chunks {
            whole.extend((bytes.len() as u32).to_be_bytes());
            let body = [&name[..], bytes].concat();
            whole.extend(&body);
            whole.extend(checksum(&body).to_be_bytes());
        }
        whole.extend(data);
        whole
    }

    fn checksum(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
        })
    }

    #[test]
    fn chunks_of_png_files_are_honoured() {
        let grey = [[100, 100, 100]; 64].concat();
        let check = |chunks: &[(&[u8; 4], &[u8])], expected: u8| {
            let [r, g, b] = loaded(&png(ExtendedColorType::Rgb8, &grey, chunks));
            assert!([r, g, b].iter().all(|value| value.abs_diff(expected) <= 1), "{chunks:?}: {r} {g} {b}");
        };
        check(&[], 100);
        check(&[(b"gAMA", &45455_u32.to_be_bytes())], 100);
        // Linear light: 100/255 is shown as 168/255.
        check(&[(b"gAMA", &100_000_u32.to_be_bytes())], 168);
        check(&[(b"gAMA", &100_000_u32.to_be_bytes()), (b"sRGB", &[0])], 100);
        check(&[(b"cICP", &[1, 8, 0, 1])], 168);
        check(&[(b"cICP", &[1, 13, 0, 1])], 100);
        check(&[(b"gAMA", &0_u32.to_be_bytes())], 100);
    }

    #[test]
    fn pictures_of_16_bits_and_grey_ones_keep_their_kind() {
        let linear: (&[u8; 4], &[u8]) = (b"gAMA", &100_000_u32.to_be_bytes());
        let wide: Vec<u8> = [25_700_u16; 192].iter().flat_map(|value| value.to_ne_bytes()).collect();
        let [r, ..] = loaded(&png(ExtendedColorType::Rgb16, &wide, &[linear]));
        assert!(r.abs_diff(168) <= 1, "{r}");
        let [r, g, b] = loaded(&png(ExtendedColorType::L8, &[100; 64], &[linear]));
        assert!(r.abs_diff(168) <= 1 && r == g && g == b, "{r} {g} {b}");
    }

    #[test]
    fn wide_colours_become_stronger() {
        let icc = ColorProfile::new_display_p3().encode().unwrap();
        let mut bytes = vec![];
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_icc_profile(icc).unwrap();
        encoder.write_image(&[[200, 80, 80]; 64].concat(), 8, 8, ExtendedColorType::Rgb8).unwrap();
        let [r, g, _] = loaded(&bytes);
        assert!(r > 205 && g < 75, "{r} {g}");
    }
}
