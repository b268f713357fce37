"""Parts that several localisers share: masked layers, attention, pyramids, heads, and the losses of points.

Their weights have the names of ActionFormer's public code, so that its weights load as they are.
"""
