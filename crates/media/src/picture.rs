//! Defines the picture type of the whole workspace: a plane of cells, stored row by row.

/// `width` x `height` cells in rows, top left first.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane<T> {
    width: usize,
    height: usize,
    cells: Vec<T>,
}

/// 8-bit sRGB, one `[red, green, blue]` per pixel.
pub type Picture = Plane<[u8; 3]>;
/// Coverage 0..=255. By the convention of the method, 255 = removed (the character) and 0 = kept.
pub type Mask = Plane<u8>;
/// One real number for each pixel. The unit is documented where the plane is used.
pub type DepthMap = Plane<f32>;

impl<T: Copy> Plane<T> {
    /// A plane in which all cells have one value.
    pub fn filled(width: usize, height: usize, value: T) -> Self {
        Self { width, height, cells: vec![value; width * height] }
    }

    /// Creates a plane from rows of cells.
    ///
    /// # Panics
    /// When the number of cells is not `width * height`.
    pub fn from_cells(width: usize, height: usize, cells: Vec<T>) -> Self {
        assert_eq!(cells.len(), width * height, "{} cells for a {width}x{height} plane", cells.len());
        Self { width, height, cells }
    }

    /// Builds each cell from its column and row.
    pub fn from_fn(width: usize, height: usize, mut cell: impl FnMut(usize, usize) -> T) -> Self {
        let cells = (0..width * height).map(|index| cell(index % width, index / width)).collect();
        Self { width, height, cells }
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The cell at column `x`, row `y`.
    ///
    /// # Panics
    /// When the cell lies outside.
    pub fn get(&self, x: usize, y: usize) -> T {
        assert!(x < self.width && y < self.height, "({x}, {y}) outside {}x{}", self.width, self.height);
        self.cells[y * self.width + x]
    }

    /// Writes the cell at column `x`, row `y`.
    ///
    /// # Panics
    /// When the cell lies outside.
    pub fn set(&mut self, x: usize, y: usize, value: T) {
        assert!(x < self.width && y < self.height, "({x}, {y}) outside {}x{}", self.width, self.height);
        self.cells[y * self.width + x] = value;
    }

    /// The cell nearest to a position, which can lie outside the plane.
    pub fn get_clamped(&self, x: i32, y: i32) -> T {
        let x = x.clamp(0, self.width as i32 - 1) as usize;
        let y = y.clamp(0, self.height as i32 - 1) as usize;
        self.cells[y * self.width + x]
    }

    /// All cells, row by row.
    pub fn cells(&self) -> &[T] {
        &self.cells
    }

    /// All cells, row by row, for writing.
    pub fn cells_mut(&mut self) -> &mut [T] {
        &mut self.cells
    }

    /// One row.
    pub fn row(&self, y: usize) -> &[T] {
        &self.cells[y * self.width..(y + 1) * self.width]
    }

    /// Applies `change` to each cell.
    pub fn map<U: Copy>(&self, change: impl FnMut(T) -> U) -> Plane<U> {
        Plane { width: self.width, height: self.height, cells: self.cells.iter().copied().map(change).collect() }
    }
}

impl Picture {
    /// The bytes `R G B R G B ...`.
    pub fn bytes(&self) -> &[u8] {
        self.cells.as_flattened()
    }

    /// Creates a picture from the bytes `R G B R G B ...`.
    ///
    /// # Panics
    /// When the number of bytes is not `3 * width * height`.
    pub fn from_bytes(width: usize, height: usize, bytes: &[u8]) -> Self {
        assert_eq!(bytes.len(), 3 * width * height, "{} bytes for {width}x{height} RGB", bytes.len());
        Self { width, height, cells: bytes.as_chunks::<3>().0.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_pixels_in_rows() {
        let picture = Picture::from_bytes(2, 1, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(picture.get(1, 0), [4, 5, 6]);
        assert_eq!(picture.bytes(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(picture.get_clamped(9, -9), [4, 5, 6]);
    }
}
