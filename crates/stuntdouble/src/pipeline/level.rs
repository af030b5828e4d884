//! The level of a UNet to which a visited parameter belongs.

/// The names of the modules around a parameter.
pub(super) struct LevelPath {
    names: Vec<String>,
    levels: usize,
}

impl LevelPath {
    /// The root of a network with this many levels.
    pub(super) fn new(levels: usize) -> Self {
        Self { names: vec![], levels }
    }

    pub(super) fn enter(&mut self, name: &str) {
        self.names.push(name.into());
    }

    pub(super) fn exit(&mut self) {
        self.names.pop();
    }

    /// True if a module around the parameter has a name that contains `name`.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.iter().any(|found| found.contains(name))
    }

    /// The level; 0 is the finest.
    pub(super) fn level(&self) -> u32 {
        let number = |name: &str| {
            let at = self.names.iter().position(|found| found == name)?;
            self.names.get(at + 1)?.parse::<usize>().ok()
        };
        let last = self.levels - 1;
        let level = match (number("down_blocks"), number("up_blocks")) {
            (Some(down), _) => down.min(last),
            (_, Some(up)) => last.saturating_sub(up),
            (None, None) if self.contains("mid_block") => last,
            (None, None) => 0,
        };
        level as u32
    }
}
