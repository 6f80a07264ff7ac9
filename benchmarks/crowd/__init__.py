"""Hundreds of warm execution environments before few connections: what do callers get below and far above capacity?"""
