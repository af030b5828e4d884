//! Derives the use of a prop from the words in its name: what a person can do with the prop, its usual size, and where
//! it is usually found.

use crate::assets::use_words::{CARRIED, FITTINGS, Grip, HELD, INDOORS, NEVER, OUTDOORS, SEATS, STANDING, SUPPORTS};
use crate::linear::Vec3;

/// Where a prop is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    Indoors,
    Outdoors,
    Anywhere,
}

impl Home {
    /// What the words of a name mean.
    fn of(has: impl Fn(&[&str]) -> bool) -> Self {
        match (has(&OUTDOORS), has(&INDOORS)) {
            (true, false) => Self::Outdoors,
            (false, true) => Self::Indoors,
            _ => Self::Anywhere,
        }
    }

    /// True if a prop from this kind of place may stand in that kind of place.
    pub(crate) fn suits(self, place: Self) -> bool {
        self == place || self == Self::Anywhere || place == Self::Anywhere
    }
}

/// The use of a prop according to its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct UseClass {
    /// How it is held.
    pub(crate) grip: Grip,
    /// Longest side in metres when held in one hand.
    pub(crate) held: Option<(f32, f32)>,
    /// Longest side in metres when carried with both.
    pub(crate) carried: Option<(f32, f32)>,
    /// Height in metres when it stands on the floor.
    pub(crate) standing: Option<(f32, f32)>,
    /// True if a person may sit and lean on it, if its shape allows it.
    pub(crate) seat: bool,
    pub(crate) support: bool,
    /// Where it stands.
    pub(crate) home: Home,
}

impl UseClass {
    /// Parses a name. If the name contains no known word, the shape decides; its box has the half sides `half`.
    pub(crate) fn of(name: &str, half: Vec3) -> Self {
        let words = words_of(name);
        let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        if !has(&NEVER) && !has(&FITTINGS) && !HELD.iter().any(|(words, ..)| has(words)) {
            let other = STANDING.iter().map(|(words, _)| *words).chain(CARRIED.iter().map(|(words, _)| *words));
            if !other.into_iter().any(has) {
                return Self::of_shape(half);
            }
        }
        let held = HELD.iter().find(|(words, ..)| has(words)).filter(|_| !has(&NEVER));
        // A table lamp is neither a table nor a floor lamp.
        let fitting = has(&FITTINGS) || (has(&["lamp", "light"]) && has(&["table", "desk"]));
        let standing = STANDING
            .iter()
            .find(|(words, _)| has(words))
            .map(|(_, sizes)| *sizes)
            .filter(|sizes| !fitting && sizes.1 > 0.0);
        let carried = CARRIED.iter().find(|(words, _)| has(words)).map(|(_, sizes)| *sizes).filter(|_| !fitting);
        Self {
            grip: held.map_or(Grip::Whole, |(_, _, grip)| *grip),
            held: held.map(|(_, sizes, _)| *sizes),
            carried,
            standing,
            seat: standing.is_some() && has(&SEATS),
            support: standing.is_some() && has(&SUPPORTS),
            home: Home::of(has),
        }
    }

    /// A long prop is held like a stick. Any other is held or carried like a box.
    fn of_shape(half: Vec3) -> Self {
        let mut sides = <[f32; 3]>::from(half);
        sides.sort_by(f32::total_cmp);
        let [least, middle, most] = sides;
        let long = middle < 0.3 * most;
        Self {
            grip: if long { Grip::Handle } else { Grip::Whole },
            held: Some(if long { (0.4, 0.8) } else { (0.14, 0.26) }),
            carried: (least > 0.25 * most).then_some((0.26, 0.4)),
            standing: None,
            seat: false,
            support: false,
            home: Home::Anywhere,
        }
    }
}

/// The words of a name in lower case: `FirstAidKit_Hard2` contains `firstaidkit`, `first`, `aid`, `kit` and `hard`.
pub(crate) fn words_of(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split(|letter: char| !letter.is_alphanumeric()) {
        let whole = part.to_lowercase();
        let bare = whole.trim_end_matches(|letter: char| letter.is_ascii_digit());
        words.extend([whole.clone(), bare.to_owned()]);
        let mut word = String::new();
        for letter in part.chars() {
            if letter.is_uppercase() && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if letter.is_alphabetic() {
                word.extend(letter.to_lowercase());
            }
        }
        words.push(word);
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_can_be_done() {
        let class = |name: &str| UseClass::of(name, Vec3::new(0.5, 0.5, 0.5));
        assert!(class("Chair_1").seat && class("couch_pillows").seat && !class("Sword_big").seat);
        assert!(class("table_medium").support && class("kitchencounter_straight_A").support);
        assert!(class("crate_buns").carried.is_some() && class("Pot_Small").carried.is_some());
        for name in [
            "Street_4Way",
            "wall_half",
            "Door_1",
            "Light_Ceiling2",
            "Carpet_1",
            "kitchencabinet_corner",
            "Potion1_Empty",
        ] {
            assert!(class(name).standing.is_none(), "{name}");
        }
        assert!(class("Bookshelf").standing.unwrap().0 > 1.5);
        assert!(class("table_low").standing.unwrap().1 < 0.6);
    }

    #[test]
    fn names_say_where_a_thing_stands() {
        let home = |name: &str| UseClass::of(name, Vec3::new(0.5, 0.5, 0.5)).home;
        assert_eq!((home("Couch_L"), home("PineTree_2")), (Home::Indoors, Home::Outdoors));
        assert_eq!((home("Bench_1"), home("crate_buns")), (Home::Anywhere, Home::Anywhere));
        assert!(home("Bench_1").suits(Home::Outdoors) && !home("Couch_L").suits(Home::Outdoors));
    }

    #[test]
    fn a_name_that_says_nothing_leaves_it_to_the_shape() {
        let stick = UseClass::of("thing_017", Vec3::new(0.05, 0.5, 0.04));
        assert!(stick.grip == Grip::Handle && stick.held.is_some() && stick.carried.is_none());
        let lump = UseClass::of("thing_018", Vec3::new(0.4, 0.5, 0.3));
        assert!(lump.grip == Grip::Whole && lump.held.is_some() && lump.carried.is_some());
    }
}
