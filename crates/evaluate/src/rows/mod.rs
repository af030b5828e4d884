//! Defines rows: named methods that make the frames of a case.

mod compose;
mod cutout;
pub(crate) mod draft;
pub(crate) mod folder;
mod part_map;
pub(crate) mod plate;
mod rigid;

use std::fmt;

use media::picture::Picture;
use media::resize::{Filter, resize_picture};

use self::draft::Body;
use self::folder::FolderRow;

use crate::case::{Case, Trial};
use crate::error::EvaluateError;

/// The result of an external row. Its error is shown as text.
pub type Made = Result<Vec<Picture>, Box<dyn std::error::Error>>;

/// A method that is implemented outside this crate.
pub struct OutsideRow {
    /// The name of the row: lower-case letters, digits, `+` and `-`.
    pub name: String,
    /// Increase this when the method changes, so that old measurements are not reused.
    pub version: u32,
    /// Makes one picture for each frame, of the frame's size.
    pub make: Box<dyn Fn(&Case) -> Made + Send + Sync>,
}

impl fmt::Debug for OutsideRow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (version {})", self.name, self.version)
    }
}

/// A named method that makes frames.
#[derive(Debug)]
pub enum Row {
    /// The source frames, which still show the driving person.
    Source,
    /// The reference picture in every frame.
    Still,
    /// The plate, without any person.
    Plate,
    /// The character's cut-out over the plate, not animated.
    Cutout,
    /// Ten rigid parts over the plate.
    Rigid {
        /// True if the character's height is given.
        body: Body,
    },
    /// The warped reference over the plate.
    Draft {
        /// Largest number of references to use.
        references: usize,
        /// True if the character's height is given.
        body: Body,
    },
    /// The character animated without its scene, over the plate.
    Pseudo,
    /// The ground truth itself, which is the upper bound.
    Truth,
    /// Frames that another tool made.
    Folder(FolderRow),
    /// An external method.
    Outside(OutsideRow),
}

impl Row {
    /// Every built-in row.
    pub const BUILT_IN: [Self; 11] = [
        Self::Source,
        Self::Still,
        Self::Plate,
        Self::Cutout,
        Self::Rigid { body: Body::Unknown },
        Self::Rigid { body: Body::Sized },
        Self::Draft { references: 1, body: Body::Unknown },
        Self::Draft { references: 4, body: Body::Unknown },
        Self::Draft { references: 1, body: Body::Sized },
        Self::Pseudo,
        Self::Truth,
    ];

    /// The row's name in options, tables and files.
    pub fn name(&self) -> &str {
        match self {
            Self::Source => "source",
            Self::Still => "still",
            Self::Pseudo => "pseudo",
            Self::Folder(row) => row.name(),
            Self::Plate => "plate",
            Self::Cutout => "plate+cutout",
            Self::Rigid { body: Body::Unknown } => "rigid",
            Self::Rigid { body: Body::Sized } => "rigid-sized",
            Self::Draft { references: ..=1, body: Body::Unknown } => "draft",
            Self::Draft { body: Body::Unknown, .. } => "draft4",
            Self::Draft { body: Body::Sized, .. } => "draft-sized",
            Self::Truth => "truth",
            Self::Outside(row) => &row.name,
        }
    }

    /// The row's version for a clip. Measurements of another version are repeated.
    pub fn version(&self, clip: &str) -> u32 {
        match self {
            Self::Source | Self::Still | Self::Truth => 1,
            Self::Folder(row) => row.version(clip),
            Self::Pseudo => draft::VERSION,
            Self::Plate | Self::Cutout | Self::Rigid { body: Body::Unknown } => 2,
            Self::Rigid { body: Body::Sized } => draft::VERSION,
            Self::Draft { .. } => draft::VERSION,
            Self::Outside(row) => row.version,
        }
    }

    /// The rows with these names, in this order. They are built-in rows or rows from `others`.
    ///
    /// # Errors
    /// [`EvaluateError::UnknownRow`], [`EvaluateError::RepeatedRow`].
    pub fn select(names: &[String], others: Vec<Self>) -> Result<Vec<Self>, EvaluateError> {
        let mut known: Vec<Self> = Self::BUILT_IN.into_iter().chain(others).collect();
        let expected: Vec<String> = known.iter().map(|row| format!("`{}`", row.name())).collect();
        let mut chosen: Vec<Self> = Vec::new();
        for name in names {
            if chosen.iter().any(|row| row.name() == name) {
                return Err(EvaluateError::RepeatedRow { name: name.clone() });
            }
            let found = known.iter().position(|row| row.name() == name);
            let unknown = || EvaluateError::UnknownRow { name: name.clone(), expected: expected.join(", ") };
            chosen.push(known.swap_remove(found.ok_or_else(unknown)?));
        }
        Ok(chosen)
    }

    /// Makes the frames of a trial. Other tools use the name `clip` for its clip. Only the row `truth` reads the ground
    /// truth. The frames of a folder are returned unchanged, at most `most` of them, or all if `most` is 0.
    ///
    /// # Errors
    /// [`EvaluateError::RowFailed`], [`EvaluateError::RowMisfits`], [`EvaluateError::FramesMissing`],
    /// [`EvaluateError::NoDecoder`], [`EvaluateError::Media`].
    pub fn make(&self, trial: &Trial, clip: &str, most: usize) -> Result<Vec<Picture>, EvaluateError> {
        let case = &trial.case;
        let (width, height) = case.size();
        let pictures = match self {
            Self::Source => case.frames.clone(),
            Self::Still => {
                let still = resize_picture(&case.references[0].picture, width, height, Filter::Bicubic);
                vec![still; case.frames.len()]
            }
            Self::Plate => case.plates().to_vec(),
            Self::Cutout => cutout::make(case),
            Self::Rigid { body } => rigid::make(case, *body),
            Self::Draft { references, body } => draft::make(case, *references, *body),
            Self::Pseudo => draft::pseudo(case),
            Self::Truth => trial.truth.frames.clone(),
            Self::Folder(row) => return row.frames(clip, &case.name, most),
            Self::Outside(row) => (row.make)(case).map_err(|reason| EvaluateError::RowFailed {
                row: row.name.clone(),
                clip: case.name.clone(),
                reason: reason.to_string(),
            })?,
        };
        if pictures.len() != case.frames.len() || pictures.iter().any(|picture| picture.size() != (width, height)) {
            let sizes: Vec<String> = pictures.iter().map(|p| format!("{}x{}", p.width(), p.height())).collect();
            return Err(EvaluateError::RowMisfits {
                row: self.name().into(),
                clip: case.name.clone(),
                found: format!("{} of sizes [{}]", pictures.len(), sizes.join(", ")),
                expected: format!("{} of size {width}x{height}", case.frames.len()),
            });
        }
        Ok(pictures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(name: &str) -> OutsideRow {
        OutsideRow { name: name.into(), version: 3, make: Box::new(|case| Ok(case.frames.clone())) }
    }

    #[test]
    fn rows_are_found_by_name_once_each() {
        let select = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Row::select(&names, vec![Row::Outside(outside("bundled"))])
        };
        let rows = select(&["truth", "bundled", "plate+cutout", "draft4"]).unwrap();
        let found: Vec<&str> = rows.iter().map(Row::name).collect();
        assert_eq!(found, ["truth", "bundled", "plate+cutout", "draft4"]);
        assert_eq!(rows[1].version("0000"), 3);
        assert_eq!(select(&["plate", "magic"]).unwrap_err().code(), "evaluate.unknown_row");
        assert_eq!(select(&["plate", "plate"]).unwrap_err().code(), "evaluate.repeated_row");
    }
}
