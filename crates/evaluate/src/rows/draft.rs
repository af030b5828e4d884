//! Rows `draft` and `draft4`: the warped reference over the clean plate (crate `draft`), from one or four references.

use media::picture::Picture;

use crate::case::Case;
use crate::error::EvaluateError;

/// Raise it whenever the drafts change, so that old measurements are not kept.
pub(crate) const VERSION: u32 = 0;

/// The drafts of every frame from the first `references` references of the case (fewer if it has fewer).
///
/// Crate `draft` plugs in here.
pub(crate) fn make(_case: &Case, references: usize) -> Result<Vec<Picture>, EvaluateError> {
    Err(EvaluateError::RowUnavailable { name: if references > 1 { "draft4" } else { "draft" } })
}
