//! Prints the Markdown table.

use crate::stage_truth::measured::Figures;

const HEADER: [&str; 13] = [
    "clips",
    "number",
    "seen",
    "PCK@0.2",
    "head error",
    "trunk error",
    "arm error",
    "leg error",
    "sides exchanged",
    "mask IoU",
    "IoU, worst tenth",
    "thing taken",
    "largest move",
];

/// The table's first two lines.
pub(crate) fn header() -> String {
    format!("| {} |\n|{}", HEADER.join(" | "), "---|".repeat(HEADER.len()))
}

/// One line of the table; errors as mean (median).
pub(crate) fn row(name: &str, figures: &Figures) -> String {
    let error = |part: usize| format!("{} ({})", share(figures.errors[part]), share(figures.middle_errors[part]));
    let cells = [
        name.into(),
        figures.clips.to_string(),
        share(Some(figures.seen)),
        share(figures.pck),
        error(0),
        error(1),
        error(2),
        error(3),
        share(figures.exchanged),
        share(figures.mask_iou),
        share(figures.mask_iou_tenth),
        share(figures.thing_taken),
        share(figures.largest_move),
    ];
    format!("| {} |", cells.join(" | "))
}

/// A value with two decimals, or a dash.
pub(crate) fn share(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.2}"))
}
