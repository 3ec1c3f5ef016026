//! What the codec makes of frames: those that were captured, those that are built, and those that are hostile.
