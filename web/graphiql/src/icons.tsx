// Drawn on a grid of 16, in the colour of the text around them.

import type { ReactNode } from 'react';

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 16 16"
      width="16"
      height="16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const ChevronIcon = () => (
  <Icon>
    <path d="m4.5 6.5 3.5 3.5 3.5-3.5" />
  </Icon>
);

export const SparkIcon = () => (
  <Icon>
    <path d="M8 1.5 9.6 6.4 14.5 8 9.6 9.6 8 14.5 6.4 9.6 1.5 8 6.4 6.4Z" />
  </Icon>
);

export const BookIcon = () => (
  <Icon>
    <path d="M3 2.5h7.5a2 2 0 0 1 2 2v9H5a2 2 0 0 1-2-2zM3 11.5a2 2 0 0 1 2-2h7.5M6 5.5h3.5" />
  </Icon>
);

export const KeyIcon = () => (
  <Icon>
    <circle cx="5.5" cy="10.5" r="3" />
    <path d="m7.7 8.3 5.8-5.8M11 5l2 2" />
  </Icon>
);

export const CopyIcon = () => (
  <Icon>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M10.5 2.5H4a1.5 1.5 0 0 0-1.5 1.5v6.5" />
  </Icon>
);

export const CheckIcon = () => (
  <Icon>
    <path d="m3 8.5 3.5 3.5L13 4.5" />
  </Icon>
);

/** The same drawing as icon.svg. */
export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <defs>
        <linearGradient id="ember" x1="0" y1="0" x2="1" y2="1">
          <stop offset="0" stopColor="#ffb347" />
          <stop offset="1" stopColor="#f2440a" />
        </linearGradient>
      </defs>
      <rect width="32" height="32" rx="8" fill="url(#ember)" />
      <path
        fill="#fff"
        d="M17.2 5c.6 3.7-1.2 5.6-3.1 7.7C12.2 14.8 10 17 10 20.3 10 24 12.8 27 16.2 27S22 24.2 22 20.6c0-2.4-1-4.3-2.3-6.1-.3 1.4-.9 2.3-1.9 2.9.6-4.2.9-8.4-.6-12.4Z"
      />
      <path fill="#f2570f" d="M16.3 24.4c-1.7 0-2.9-1.3-2.9-3 0-1.9 1.4-2.7 2.3-4.4 1.5 1.5 3.2 2.7 3.2 4.7 0 1.6-1.1 2.7-2.6 2.7Z" />
    </svg>
  );
}
