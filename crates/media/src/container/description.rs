//! Parses the line in which ffmpeg describes a video stream.

use super::video_info::FieldOrder;
use crate::geometry::Rate;

/// The facts of a line such as
/// `h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709, progressive), 320x240 [SAR 1:1 DAR 4:3], 29.97 fps, 30k tbn`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StreamLine {
    pub(crate) codec: String,
    pub(crate) pixel_format: String,
    pub(crate) size: Option<(u32, u32)>,
    pub(crate) pixel_aspect: (u32, u32),
    pub(crate) rate: Option<Rate>,
    pub(crate) ticks_per_second: Option<u32>,
    pub(crate) matrix: Option<String>,
    pub(crate) transfer: Option<String>,
    pub(crate) fields: Option<FieldOrder>,
}

/// Reads what follows `Video: `.
pub(crate) fn stream_line(text: &str) -> StreamLine {
    let parts = parts(text);
    let part = |place: usize| parts.get(place).copied().unwrap_or_default();
    let (pixel_format, notes) = part(1).split_once('(').unwrap_or((part(1), ""));
    // Colours are `matrix`, if all three are the same, or `matrix/primaries/transfer`.
    let plain = ["tv", "pc", "progressive", "top first", "bottom first", "swapped"];
    let colours = notes.trim_end_matches(')').split(", ").find(|note| {
        !note.is_empty() && !plain.contains(note) && !note.contains("bpc") && !note.contains("coded") && *note != "left"
    });
    // `top coded first (swapped)` is shown with the other field first.
    let fields = notes.split(", ").find_map(|note| match note.trim_end_matches(')') {
        "top first" | "bottom coded first (swapped" => Some(FieldOrder::TopFirst),
        "bottom first" | "top coded first (swapped" => Some(FieldOrder::BottomFirst),
        _ => None,
    });
    let colours: Vec<&str> = colours.map_or_else(Vec::new, |colours| colours.split('/').collect());
    let colour = |place: usize| match colours.as_slice() {
        [all] => Some(*all),
        several => several.get(place).copied(),
    };
    let known = |place: usize| colour(place).filter(|name| !matches!(*name, "unknown" | "reserved")).map(str::to_owned);
    // The container's aspect ratio, if there is one, comes last and takes precedence.
    let aspects = text.match_indices("SAR ").filter_map(|(place, word)| aspect(&text[place + word.len()..]));
    let number = |unit: &str| parts.iter().find_map(|part| part.strip_suffix(unit));
    StreamLine {
        codec: part(0).split([' ', '(']).next().unwrap_or_default().to_owned(),
        pixel_format: pixel_format.to_owned(),
        size: parts.iter().skip(2).find_map(|part| size(part)),
        pixel_aspect: aspects.last().unwrap_or((1, 1)),
        rate: number(" fps").or_else(|| number(" tbr")).and_then(rate),
        // Trailing notes such as `(default)` follow the last part.
        ticks_per_second: text.split(", ").find_map(|part| ticks(part.split_once(" tbn")?.0)),
        matrix: known(0),
        transfer: known(2),
        fields,
    }
}

/// Splits at commas outside brackets.
fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (place, character) in text.char_indices() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ',' if depth <= 0 => {
                parts.push(text[start..place].trim());
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// Parses `320x240`; returns it with the rest of the line after a blank.
fn size(part: &str) -> Option<(u32, u32)> {
    let (width, height) = part.split(' ').next()?.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// Parses `4:3`; returns it with the rest of the line.
fn aspect(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split([' ', ']', ',']).next()?.split_once(':')?;
    Some((width.parse().ok()?, height.parse().ok()?)).filter(|&(width, height): &(u32, u32)| width > 0 && height > 0)
}

/// A rate that was rounded to two digits. If the fraction over 1001 rounds to the same digits, that fraction is meant.
fn rate(text: &str) -> Option<Rate> {
    let value =
        text.strip_suffix('k').map_or_else(|| text.parse().ok(), |text| text.parse::<f64>().ok().map(|v| v * 1e3))?;
    if !(value > 0.0 && value < 1e6) {
        return None;
    }
    let nearest = value.round();
    if (value - nearest).abs() > 1e-9 {
        let film = (value * 1.001).round();
        if (film / 1.001 - value).abs() < 0.006 {
            return Some(Rate { numerator: (film * 1000.0) as u32, denominator: 1001 });
        }
        return Some(Rate { numerator: (value * 100.0).round() as u32, denominator: 100 });
    }
    Some(Rate { numerator: nearest as u32, denominator: 1 })
}

/// `12800` or `90k`.
fn ticks(text: &str) -> Option<u32> {
    let value = match text.strip_suffix('k') {
        Some(thousands) => thousands.parse::<f64>().ok()? * 1000.0,
        None => text.parse().ok()?,
    };
    ((1.0..=1e9).contains(&value) && value.fract() == 0.0).then_some(value as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_fields_is_read() {
        let fields = |notes: &str| stream_line(&format!("h264 (High), yuv420p({notes}), 720x576, 25 fps")).fields;
        assert_eq!(fields("tv, bt709, top first"), Some(FieldOrder::TopFirst));
        assert_eq!(fields("bottom first"), Some(FieldOrder::BottomFirst));
        assert_eq!(fields("tv, top coded first (swapped)"), Some(FieldOrder::BottomFirst));
        assert_eq!(fields("tv, bt709, progressive"), None);
    }

    #[test]
    fn lines_of_two_releases_are_read() {
        let line = stream_line(
            "h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709/unknown/unknown, progressive), \
             320x240 [SAR 4:3 DAR 16:9], 15 kb/s, 10.67 fps, 30 tbr, 30k tbn (default)",
        );
        assert_eq!((line.codec.as_str(), line.pixel_format.as_str()), ("h264", "yuv420p"));
        assert_eq!((line.size, line.pixel_aspect), (Some((320, 240)), (4, 3)));
        assert_eq!(line.rate, Some(Rate { numerator: 1067, denominator: 100 }));
        assert_eq!(line.ticks_per_second, Some(30_000));
        assert_eq!((line.matrix.as_deref(), line.transfer), (Some("bt709"), None));
        let hdr = stream_line(
            "hevc (Main 10), yuv420p10le(tv, bt2020nc/bt2020/smpte2084), 3840x2160, SAR 1:1 DAR 16:9, 23.98 fps, 24k tbn",
        );
        assert_eq!((hdr.transfer.as_deref(), hdr.size), (Some("smpte2084"), Some((3840, 2160))));
        assert_eq!(hdr.rate, Some(Rate { numerator: 24_000, denominator: 1001 }));
        assert_eq!(stream_line("h264, none, 25 fps, 25 tbr, 1200k tbn").size, None);
        assert_eq!(stream_line("gif, bgra, 160x120, 10 fps, 10 tbr, 100 tbn").ticks_per_second, Some(100));
    }
}
