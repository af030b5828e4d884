//! Defines the errors of prompts that point at objects.

/// Why a prompt cannot be understood or followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// There are too few or too many numbers.
    #[error("the prompt has the wrong format: expected `{expected}`, found `{found}`")]
    Shape {
        /// How it is written.
        expected: &'static str,
        /// What was typed.
        found: String,
    },
    /// A value is not a valid number for a position.
    #[error("invalid number `{part}` in the prompt `{found}`, expected a finite number of at least 0")]
    Number {
        /// The part.
        part: String,
        /// What was typed.
        found: String,
    },
    /// A box without area.
    #[error("the box of the prompt is empty: `{found}`")]
    EmptyBox {
        /// What was typed.
        found: String,
    },
    /// The moment is neither seconds nor a frame.
    #[error("invalid time `{part}` in the prompt `{found}`, expected seconds such as `1.5s` or a frame such as `12f`")]
    Moment {
        /// The part after `@`.
        part: String,
        /// What was typed.
        found: String,
    },
    /// The position lies outside the frame.
    #[error("the prompt `{prompt}` lies outside the frame, which has {width}x{height} pixels")]
    OutsideFrame {
        /// The prompt.
        prompt: String,
        /// Columns of the frame.
        width: u32,
        /// Rows of the frame.
        height: u32,
    },
    /// The video ends before the moment.
    #[error("the prompt `{prompt}` is later than the end of the video ({length})")]
    PastEnd {
        /// The prompt.
        prompt: String,
        /// How long the video is.
        length: String,
    },
    /// A point of `--not` comes before the first object.
    #[error("`--not {prompt}` must come after an `--object` or `--object-box`")]
    NotWithoutObject {
        /// The prompt.
        prompt: String,
    },
    /// Nothing at the position differs from its surroundings.
    #[error("no object stands out from its surroundings at `{prompt}`")]
    NothingThere {
        /// The prompt.
        prompt: String,
    },
}

impl PromptError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Shape { .. } => "prompt.shape",
            Self::Number { .. } => "prompt.number",
            Self::EmptyBox { .. } => "prompt.empty_box",
            Self::Moment { .. } => "prompt.moment",
            Self::OutsideFrame { .. } => "prompt.outside_frame",
            Self::PastEnd { .. } => "prompt.past_end",
            Self::NotWithoutObject { .. } => "prompt.not_without_object",
            Self::NothingThere { .. } => "prompt.nothing_there",
        }
    }

    /// One line that says what to do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Shape { .. } => "write a prompt such as `--object 120,80@1.5s` or `--object-box 100,60,40,40@12f`",
            Self::Number { .. } => "use pixel coordinates in the frame, counted from its top left corner",
            Self::EmptyBox { .. } => "write left, top, width and height, with a width and a height above 0",
            Self::Moment { .. } => "correct the time, or omit `@...` to use the first frame",
            Self::OutsideFrame { .. } => {
                "use pixel coordinates in the displayed frame, counted from its top left corner"
            }
            Self::PastEnd { .. } => "use an earlier time in seconds, or a frame number counted from 0 such as `12f`",
            Self::NotWithoutObject { .. } => "write `--not` after the `--object` or `--object-box` that it refers to",
            Self::NothingThere { .. } => {
                "point at the middle of the object, or draw a box around it with `--object-box`"
            }
        }
    }
}
