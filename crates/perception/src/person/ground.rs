//! Computes a mask from colour alone, for pictures of a figure in front of a plain background.

use media::picture::{Mask, Picture};

/// Differences of colour, of 255, at which a pixel starts to be figure, and at which it is nothing else.
const EDGE: [f32; 2] = [16.0, 48.0];

/// Coverage by all pixels that differ from the background, whose colour is the median of the picture's border in each
/// channel.
///
/// # Panics
/// When the picture has no pixel.
pub fn unlike_ground(picture: &Picture) -> Mask {
    let (width, height) = picture.size();
    assert!(width > 0 && height > 0, "ground: a picture of {width}x{height} pixels");
    let across = (0..width).flat_map(|x| [(x, 0), (x, height - 1)]);
    let down = (0..height).flat_map(|y| [(0, y), (width - 1, y)]);
    let border: Vec<[u8; 3]> = across.chain(down).map(|(x, y)| picture.get(x, y)).collect();
    let ground: [f32; 3] = std::array::from_fn(|channel| {
        let mut values: Vec<u8> = border.iter().map(|pixel| pixel[channel]).collect();
        values.sort_unstable();
        f32::from(values[values.len() / 2])
    });
    picture.map(|pixel| {
        let squares = pixel.iter().zip(ground).map(|(value, ground)| (f32::from(*value) - ground).powi(2));
        let difference = squares.sum::<f32>().sqrt();
        (255.0 * ((difference - EDGE[0]) / (EDGE[1] - EDGE[0])).clamp(0.0, 1.0)).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_in_front_of_grey_is_covered_and_its_edge_is_soft() {
        let picture = Picture::from_fn(9, 9, |x, y| match (x, y) {
            (3..=5, 2..=8) => [20, 40, 200],
            (6, 2..=8) => [112, 110, 140],
            _ => [120; 3],
        });
        let mask = unlike_ground(&picture);
        assert_eq!([mask.get(4, 5), mask.get(1, 5), mask.get(8, 8)], [255, 0, 0]);
        // The difference is (-8, -10, 20): 23.7, of which 16 do not count.
        assert_eq!(mask.get(6, 5), 62);
    }
}
