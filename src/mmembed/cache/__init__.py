"""Vectors that were paid for, kept on this machine or shared by several."""
