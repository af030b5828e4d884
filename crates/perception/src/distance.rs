//! Computes the exact Euclidean distance of every pixel to the nearest marked pixel, in two separable passes.

use media::picture::Plane;

/// Distance in pixels from each pixel's centre to that of the nearest cell for which `marked` is true. It is 0 on
/// marked cells, and infinite when there is none.
pub(crate) fn distance_to<T: Copy>(plane: &Plane<T>, marked: impl Fn(T) -> bool) -> Plane<f32> {
    let (width, height) = plane.size();
    let far = f32::INFINITY;
    // Along columns: the distance to the nearest marked cell of the same column.
    let mut column = Plane::filled(width, height, far);
    for x in 0..width {
        let mut since = far;
        for y in 0..height {
            since = if marked(plane.get(x, y)) { 0.0 } else { since + 1.0 };
            column.set(x, y, since);
        }
        let mut since = far;
        for y in (0..height).rev() {
            since = (since + 1.0).min(column.get(x, y));
            column.set(x, y, since);
        }
    }
    // Along rows: the lower envelope of the parabolas `column^2 + (x - place)^2`.
    let mut result = Plane::filled(width, height, far);
    let mut places: Vec<usize> = Vec::new();
    let mut starts: Vec<f32> = Vec::new();
    for y in 0..height {
        places.clear();
        starts.clear();
        let line: Vec<f32> = column.row(y).iter().map(|cell| cell * cell).collect();
        for (place, &square) in line.iter().enumerate().filter(|(_, square)| square.is_finite()) {
            let crossing = |other: usize| {
                let (a, b) = (other as f32, place as f32);
                ((square + b * b) - (line[other] + a * a)) / (2.0 * (b - a))
            };
            while let (Some(&other), Some(&start)) = (places.last(), starts.last()) {
                if crossing(other) > start {
                    break;
                }
                places.pop();
                starts.pop();
            }
            starts.push(places.last().map_or(f32::NEG_INFINITY, |&other| crossing(other)));
            places.push(place);
        }
        let mut current = 0;
        for x in 0..width {
            if places.is_empty() {
                break;
            }
            while current + 1 < places.len() && starts[current + 1] <= x as f32 {
                current += 1;
            }
            let across = x as f32 - places[current] as f32;
            result.set(x, y, (line[places[current]] + across * across).sqrt());
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_the_search_over_all_pairs(width in 1_usize..14, height in 1_usize..14, seed in any::<u64>()) {
            let plane = Plane::from_fn(width, height, |x, y| seed.rotate_left((x * 7 + y * 13) as u32) % 11 == 0);
            let got = distance_to(&plane, |marked| marked);
            for y in 0..height {
                for x in 0..width {
                    let places = (0..width * height).filter(|&index| plane.cells()[index]);
                    let squares = places.map(|index| (index % width).abs_diff(x).pow(2) + (index / width).abs_diff(y).pow(2));
                    let expected = squares.min().map_or(f32::INFINITY, |square| (square as f32).sqrt());
                    let close = got.get(x, y) == expected || (got.get(x, y) - expected).abs() < 1e-3;
                    prop_assert!(close, "({}, {}): {} instead of {}", x, y, got.get(x, y), expected);
                }
            }
        }
    }
}
