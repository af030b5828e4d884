//! Functions of single numbers, blends, and changes of layout and type.

pub(crate) mod blend;
pub(crate) mod layout;
pub(crate) mod pointwise;
