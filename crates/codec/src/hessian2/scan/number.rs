//! Whole numbers: eight forms, each with a place for the highest bits in its code.

use super::{ScanError, Scanner};

impl Scanner<'_> {
    /// Reads a 32-bit number in any of its forms.
    ///
    /// # Errors
    /// When something else stands here.
    pub fn int(&mut self) -> Result<i32, ScanError> {
        let code = self.byte()?;
        let base = i32::from(code);
        Ok(match code {
            0x80..=0xbf => base - 0x90,
            0xc0..=0xcf => ((base - 0xc8) << 8) + i32::from(self.byte()?),
            0xd0..=0xd7 => ((base - 0xd4) << 16) + i32::from(self.short()?),
            b'I' => i32::from_be_bytes(self.bytes()?),
            _ => return Err(ScanError::Unexpected(code)),
        })
    }

    /// Reads a 32-bit or 64-bit number when one stands next; `None` leaves the cursor where it was.
    ///
    /// # Errors
    /// When the bytes end within the number.
    pub fn integer(&mut self) -> Result<Option<i64>, ScanError> {
        let Some(code) = self.peek() else { return Ok(None) };
        let base = i64::from(code);
        if matches!(code, 0x80..=0xd7 | b'I') {
            return self.int().map(|number| Some(i64::from(number)));
        }
        if !matches!(code, 0xd8..=0xff | 0x38..=0x3f | b'Y' | b'L') {
            return Ok(None);
        }
        self.byte()?;
        Ok(Some(match code {
            0xd8..=0xef => base - 0xe0,
            0xf0..=0xff => ((base - 0xf8) << 8) + i64::from(self.byte()?),
            0x38..=0x3f => ((base - 0x3c) << 16) + i64::from(self.short()?),
            b'Y' => i64::from(i32::from_be_bytes(self.bytes()?)),
            _ => i64::from_be_bytes(self.bytes()?),
        }))
    }
}
