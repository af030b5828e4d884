//! Parses the prompts with which the user points at objects. A prompt is `X,Y[@T]` or `X,Y,W,H[@T]`, where T is a time
//! in seconds (`1.5`, `1.5s`) or a frame (`12f`).

use std::fmt;
use std::str::FromStr;

use media::geometry::Pts;
use serde::{Deserialize, Serialize};

pub use super::prompt_error::PromptError;

/// The moment at which a prompt points at something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Moment {
    /// Seconds after the first frame.
    Seconds(f64),
    /// A frame, from 0.
    Frame(usize),
}

impl Default for Moment {
    fn default() -> Self {
        Self::Frame(0)
    }
}

impl Moment {
    /// True from the intended frame on: the frame with this number, or the first frame that is not before this time.
    pub fn has_come(self, index: usize, since_first: Pts) -> bool {
        match self {
            Self::Frame(frame) => index >= frame,
            Self::Seconds(seconds) => since_first.seconds() >= seconds,
        }
    }

    /// Shifts a time so that [`has_come`](Self::has_come) selects the frame nearest to it, where `interval` is the time
    /// between two frames in seconds.
    pub fn nearest(self, interval: f64) -> Self {
        match self {
            Self::Seconds(seconds) => Self::Seconds((seconds - interval / 2.0).max(0.0)),
            frame => frame,
        }
    }
}

/// A point in frame pixels, or a box around the object.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "pixels of the frame")]
pub enum Target {
    Point { x: f32, y: f32 },
    Box { x: f32, y: f32, width: f32, height: f32 },
}

impl Target {
    /// The first and the last corner of the box; for a point, twice this point.
    pub fn corners(&self) -> [(f32, f32); 2] {
        match *self {
            Self::Point { x, y } => [(x, y), (x, y)],
            Self::Box { x, y, width, height } => [(x, y), (x + width, y + height)],
        }
    }
}

/// A point at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenPoint", into = "String")]
pub struct PointPrompt {
    /// Column in pixels.
    pub x: f32,
    /// Row in pixels.
    pub y: f32,
    /// The moment; none if the prompt names no moment.
    pub at: Option<Moment>,
}

/// A box at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BoxPrompt {
    /// Left column in pixels.
    pub x: f32,
    /// Top row in pixels.
    pub y: f32,
    /// Columns.
    pub width: f32,
    /// Rows.
    pub height: f32,
    /// The moment; none if the prompt names no moment.
    pub at: Option<Moment>,
}

impl FromStr for Moment {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if let Some(frame) = text.strip_suffix('f') {
            let is_whole = !frame.is_empty() && frame.bytes().all(|byte| byte.is_ascii_digit());
            return if is_whole { frame.parse().map(Self::Frame).map_err(|_| ()) } else { Err(()) };
        }
        let seconds = text.strip_suffix('s').unwrap_or(text);
        if !is_plain(seconds) {
            return Err(());
        }
        seconds.parse().map(Self::Seconds).map_err(|_| ())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(out, "{seconds}s"),
            Self::Frame(frame) => write!(out, "{frame}f"),
        }
    }
}

/// The numbers and the moment of a prompt.
fn parse<const N: usize>(text: &str, expected: &'static str) -> Result<([f32; N], Option<Moment>), PromptError> {
    let found = || text.to_string();
    let (place, moment) = match text.split_once('@') {
        Some((place, moment)) => (place, Some(moment.trim())),
        None => (text, None),
    };
    let parts: Vec<&str> = place.split(',').map(str::trim).collect();
    let parts: [&str; N] = parts.try_into().map_err(|_| PromptError::Shape { expected, found: found() })?;
    let mut numbers = [0.0; N];
    for (number, part) in numbers.iter_mut().zip(parts) {
        let is_written_plainly = part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let parsed = part.parse::<f32>().ok().filter(|value| is_written_plainly && value.is_finite());
        *number = parsed.ok_or_else(|| PromptError::Number { part: part.into(), found: found() })?;
    }
    let moment =
        moment.map(|part| part.parse().map_err(|()| PromptError::Moment { part: part.into(), found: found() }));
    Ok((numbers, moment.transpose()?))
}

impl FromStr for PointPrompt {
    type Err = PromptError;

    fn from_str(text: &str) -> Result<Self, PromptError> {
        let ([x, y], at) = parse(text, "X,Y[@T]")?;
        Ok(Self { x, y, at })
    }
}

impl FromStr for BoxPrompt {
    type Err = PromptError;

    fn from_str(text: &str) -> Result<Self, PromptError> {
        let ([x, y, width, height], at) = parse(text, "X,Y,W,H[@T]")?;
        if width <= 0.0 || height <= 0.0 {
            return Err(PromptError::EmptyBox { found: text.into() });
        }
        Ok(Self { x, y, width, height, at })
    }
}

/// `@T` where a moment was said.
fn suffix(at: Option<Moment>) -> String {
    at.map_or(String::new(), |at| format!("@{at}"))
}

impl fmt::Display for PointPrompt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{},{}{}", self.x, self.y, suffix(self.at))
    }
}

impl fmt::Display for BoxPrompt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{},{},{},{}{}", self.x, self.y, self.width, self.height, suffix(self.at))
    }
}

/// A point in a file of settings: as it is typed, or as two numbers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WrittenPoint {
    Text(String),
    Pair([f32; 2]),
}

impl TryFrom<WrittenPoint> for PointPrompt {
    type Error = PromptError;

    fn try_from(written: WrittenPoint) -> Result<Self, PromptError> {
        match written {
            WrittenPoint::Text(text) => text.parse(),
            WrittenPoint::Pair([x, y]) => format!("{x},{y}").parse(),
        }
    }
}

impl From<PointPrompt> for String {
    fn from(prompt: PointPrompt) -> Self {
        prompt.to_string()
    }
}

impl TryFrom<String> for BoxPrompt {
    type Error = PromptError;

    fn try_from(text: String) -> Result<Self, PromptError> {
        text.parse()
    }
}

impl From<BoxPrompt> for String {
    fn from(prompt: BoxPrompt) -> Self {
        prompt.to_string()
    }
}

/// One object: its position at a moment, and points that do not belong to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct ObjectPrompt {
    /// A point in the object or a box around it.
    pub shown: Shown,
    /// Points that do not belong to the object. A point without a moment has the object's moment.
    pub not: Vec<PointPrompt>,
}

/// How the user shows an object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shown {
    /// By a point in the object.
    Point(PointPrompt),
    /// By a box around the object.
    Box(BoxPrompt),
}

/// A prompt in a file of settings: `{ point = "120,80@1.5s", not = ["90,80"] }` or `{ box = "100,60,40,40" }`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    point: Option<PointPrompt>,
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    area: Option<BoxPrompt>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    not: Vec<PointPrompt>,
}

impl TryFrom<Written> for ObjectPrompt {
    type Error = &'static str;

    fn try_from(Written { point, area, not }: Written) -> Result<Self, &'static str> {
        let shown = match (point, area) {
            (Some(point), None) => Shown::Point(point),
            (None, Some(area)) => Shown::Box(area),
            _ => return Err("an object needs either a `point` or a `box`"),
        };
        Ok(Self { shown, not })
    }
}

impl From<ObjectPrompt> for Written {
    fn from(ObjectPrompt { shown, not }: ObjectPrompt) -> Self {
        match shown {
            Shown::Point(point) => Self { point: Some(point), area: None, not },
            Shown::Box(area) => Self { point: None, area: Some(area), not },
        }
    }
}

impl ObjectPrompt {
    /// The target, and its moment.
    pub fn target(&self) -> (Target, Moment) {
        match self.shown {
            Shown::Point(PointPrompt { x, y, at }) => (Target::Point { x, y }, at.unwrap_or_default()),
            Shown::Box(BoxPrompt { x, y, width, height, at }) => {
                (Target::Box { x, y, width, height }, at.unwrap_or_default())
            }
        }
    }
}

impl fmt::Display for ObjectPrompt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shown {
            Shown::Point(point) => point.fmt(out),
            Shown::Box(area) => area.fmt(out),
        }
    }
}

#[cfg(test)]
mod tests;
