"""The axes in which a network sees a window: one basis a file."""
